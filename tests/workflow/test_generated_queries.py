"""Generated queries in place of documents, through the workflow."""

import json

import pandas as pd
import yaml
from conftest import REPOSITORY

SETTINGS = {"steps": 3, "warmup_steps": 1, "batch_size": 6, "document_tokens": 8}


def _overlay(folder, generated, start):
    """A corpus of twelve documents, a file generator and a model that learns its queries."""
    documents = [{"doc_id": f"d{i}", "title": "", "text": f"Text {i}."} for i in range(12)]
    queries = [{"query_id": f"q{i}", "text": f"query {i}"} for i in range(36)]
    queries = [query | {"doc_id": f"d{i % 12}"} for i, query in enumerate(queries)]
    records = {"documents": documents, "queries": queries, "generated": generated}
    for name, entries in records.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, entries)))
    files = {"documents": "documents.jsonl", "queries": "queries.jsonl"}
    dataset = {"corpus": "mine", "documents": 12, "minimum_queries": 2, "below_minimum": "drop"}
    dataset |= {"split": "query", "validation_queries": 3, "test_queries": 3, "seed": 1}
    start = {"type": "folder", "path": str(start)}
    config = {
        "corpora": {"mine": {"source": "files"} | files},
        "datasets": {"mine": dataset},
        "query_generators": {"given": {"type": "file", "path": "generated.jsonl"}},
        "models": {"mine": {"dataset": "mine", "start": start, "indexing": "given"}},
        "finetuning": SETTINGS,
    }
    overlay = folder / "mine.yaml"
    overlay.write_text(yaml.safe_dump(config))
    return overlay


def test_a_model_learns_the_queries_of_a_file(snakemake, shallow_start, tmp_path):
    generated = [{"doc_id": f"d{i}", "text": f"number {i} {j}"} for i in range(12) for j in (1, 2)]
    overlay, checkpoints = (
        _overlay(tmp_path, generated, shallow_start),
        tmp_path / "results/checkpoints/finetune",
    )
    for of_other_code in (checkpoints / "mine/0123", checkpoints / "others/0123"):
        of_other_code.mkdir(parents=True)
    done = snakemake(tmp_path, "--configfile", overlay, "--", "results/finetune/mine/run.json")
    assert done.returncode == 0, done.stdout[-3000:]
    queries = pd.read_parquet(tmp_path / "results/generate_queries/given/mine.parquet")
    assert len(queries) == 24
    record = json.loads((tmp_path / "results/finetune/mine/run.json").read_text())
    assert record["indexing_examples"] == 24
    assert "generated" in record["inputs_sha256"]
    assert [folder.name for folder in checkpoints.iterdir()] == ["others"]


def test_a_document_without_a_query_stops_with_one_line(snakemake, shallow_start, tmp_path):
    overlay = _overlay(tmp_path, [{"doc_id": "d0", "text": "one"}], shallow_start)
    wanted = "results/generate_queries/given/mine.parquet"
    done = snakemake(tmp_path, "--configfile", overlay, "--", wanted)
    assert done.returncode != 0
    assert "CorpusError: document 'd1' has no generated query" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_overlay_trains_a_generator_and_both_kinds_of_models(snakemake, tmp_path):
    overlay = REPOSITORY / "config/query_generation.yaml"
    done = snakemake(tmp_path, "-n", "--configfile", overlay, "--", "models")
    assert done.returncode == 0, done.stdout[-3000:]
    lines = map(str.split, done.stdout.splitlines())
    jobs = dict(words for words in lines if len(words) == 2)
    assert (jobs["train_query_generator"], jobs["generate_queries"]) == ("1", "1")
    assert (jobs["finetune"], jobs["finetune_reduced"]) == ("3", "8")
