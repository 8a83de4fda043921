"""Ids of any text go through every rule and come out as they went in."""

import csv
import json
from itertools import count
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY

TINY = REPOSITORY / "config/tiny.yaml"
ODD = [
    *("7", "007", "1e5", "1.0", "0x1F", "1_000", "-0", "inf", "True", "no", "-", "--x", "~"),
    *("NA", "N/A", "<NA>", "nan", "NaN", "null", "None", "it's", 'say "x"', "#1", "a,b", "a;b"),
    *("two words", "tab\tinside", "line\nbreak", "carriage\rreturn", "no\u00a0break", "a\u2028b"),
    *("\ufeffmarked", "na\u00efve", "\u65e5\u672c", "\U0001f9ec", "100%", "%20", "5%25", "a|b"),
    *("=1+1", "$HOME", "{x}", "@DOC_ID_1@", "<pad>", "\\n", "../a", "[1]"),
]


def _renamed(ids, first):
    """id -> an odd one for those in `first`, then numbers with a zero in front."""
    ordered = [*dict.fromkeys(first), *sorted(set(ids) - set(first))]
    numbers = (f"0{number}" for number in count(1))
    odd = iter(ODD)
    return {own: next(odd, None) or next(numbers) for own in ordered}


def _write(path, records):
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))


def odd_corpus(dataset: Path, folder: Path, start: Path) -> Path:
    """The documents and queries of a dataset with other ids, and a config for one model of it."""
    documents, queries = (
        pd.read_parquet(dataset / f"{name}.parquet") for name in ("documents", "queries")
    )
    held_out = queries[queries["split"] != "train"].sort_values("split", ascending=False)
    names = {
        "doc_id": _renamed(documents["doc_id"], held_out["doc_id"]),
        "query_id": _renamed(queries["query_id"], held_out["query_id"]),
    }
    documents = documents.assign(doc_id=documents["doc_id"].map(names["doc_id"]))
    queries = queries.assign(**{key: queries[key].map(name) for key, name in names.items()})
    folder.mkdir(exist_ok=True)
    _write(folder / "documents.jsonl", documents.to_dict("records"))
    columns = ["query_id", "text", "doc_id", "split"]
    _write(folder / "queries.jsonl", queries[columns].to_dict("records"))
    generated = [
        {"doc_id": row.doc_id, "text": text[:200]}
        for row in documents.itertuples()
        for text in (row.title, row.text)
    ]
    _write(folder / "generated.jsonl", generated)
    mine = {"source": "files", "documents": "documents.jsonl", "queries": "queries.jsonl"}
    given = {"corpus": "mine", "documents": "all", "minimum_queries": 1, "below_minimum": "keep"}
    model = {"dataset": "mine", "start": {"type": "folder", "path": str(start)}}
    model |= {"indexing": "given", "reduced": {"models": 2, "documents": 2}}
    config = {
        "headline_model": "mine",
        "corpora": {"hpo": None, "mine": mine},
        "datasets": {"hpo-2k": None, "mine": given | {"split": "given", "seed": 1}},
        "query_generators": {"given": {"type": "file", "path": "generated.jsonl"}},
        "models": {"full": None, "random_start": None, "mine": model},
        "patching": {"methods": ["mean"]},
        "trace": {"queries": ["broad bone"]},
    }
    overlay = folder / "odd.yaml"
    overlay.write_text(yaml.safe_dump(config))
    return overlay


@pytest.fixture(scope="module")
def odd_run(snakemake, tiny_run, shallow_start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    overlay = odd_corpus(tiny_run / "results/subset_corpus/hpo-2k", folder, shallow_start)
    done = snakemake(folder, "--configfile", TINY, overlay, "--", "analyses", "trace")
    assert done.returncode == 0, done.stdout[-6000:]
    return folder


@pytest.fixture(scope="module")
def ids(odd_run):
    """The ids that went in, by key; those of held-out queries by split."""
    known = {}
    for key, name in (("doc_id", "documents"), ("query_id", "queries")):
        records = list(map(json.loads, (odd_run / f"{name}.jsonl").read_text().splitlines()))
        known[key] = {record[key] for record in records}
        for split in ("train", "validation", "test"):
            known[split] = {r[key] for r in records if r.get("split") == split}
    return known


OF_CORRECT = {"query_words", "circuit_curve", "patch_edge", "attribution"}
"""Analyses of the queries that a model answers."""


def test_ids_in_parquet_and_csv(odd_run, ids):
    seen = {"doc_id": 0, "query_id": 0}
    for path in sorted((odd_run / "results").rglob("*.*")):
        if path.suffix == ".parquet":
            table = pd.read_parquet(path).to_dict("list")
        elif path.suffix == ".csv":
            with open(path, encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            table = {name: [row[name] for row in rows] for name in (rows[0] if rows else {})}
        else:
            continue
        for key in seen.keys() & table.keys():
            seen[key] += 1
            assert set(table[key]) <= ids[key], path
        if path.suffix == ".parquet" and "split" not in table and "query_id" in table:
            asked = set(table["query_id"])
            if OF_CORRECT & set(path.parts):
                assert asked, path
                assert asked <= ids["validation"] or asked <= ids["test"], path
                continue
            assert asked in (ids["validation"], ids["test"], ids["query_id"]), path
    assert min(seen.values()) > 20


def test_ids_in_trec_files(odd_run, ids):
    results = odd_run / "results"
    assert len(list(results.rglob("*.run"))) >= 6
    for path in results.rglob("*.run"):
        lines = [line.split(" ") for line in path.read_text().split("\n")[:-1]]
        assert {unquote(line[0]) for line in lines} == ids[path.stem], path
        assert {unquote(line[2]) for line in lines} <= ids["doc_id"], path
        assert {len(line) for line in lines} == {6}
    for split in ("train", "validation", "test"):
        text = (results / f"subset_corpus/mine/qrels.{split}.txt").read_text()
        lines = [line.split(" ") for line in text.split("\n")[:-1]]
        assert {unquote(line[0]) for line in lines} == ids[split]
        assert {unquote(line[2]) for line in lines} <= ids["doc_id"]


def test_reduced_models_lack_their_documents(odd_run, ids):
    with open(odd_run / "results/removed_documents/mine.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    full = odd_run / "results/finetune/mine/model"
    generated = pd.read_parquet(odd_run / "results/generate_queries/given/mine.parquet")
    assert set(json.loads((full / "docids.json").read_text())) == ids["doc_id"]
    for number in ("1", "2"):
        folder = odd_run / f"results/finetune_reduced/mine-rd{number}"
        record = json.loads((folder / "run.json").read_text())
        wanted = {row["doc_id"] for row in rows if row["set"] == number}
        assert set(record["removed_documents"]) == wanted
        assert len(wanted) == 2
        assert record["documents"] == len(ids["doc_id"]) - 2
        assert record["indexing_examples"] == (~generated["doc_id"].isin(wanted)).sum()
        own = (folder / "model/model.safetensors").read_bytes()
        assert own != (full / "model.safetensors").read_bytes()


def test_every_held_out_query_counts(odd_run, ids):
    metrics = pd.read_csv(odd_run / "results/table_retrieval/retrieval.csv")
    ours = metrics[(metrics["slice"] == "all") & metrics["n"].notna()]
    for (_, split), rows in ours.groupby(["system", "split"]):
        assert set(rows["n"]) == {len(ids[split])}
    summary = json.loads((odd_run / "results/summary.json").read_text())
    with open(odd_run / "results/correct_queries/mine.csv", newline="") as file:
        correct = list(csv.DictReader(file))
    assert summary["correct_queries"]["mine"] == len(correct) > 4
    patched = pd.read_csv(odd_run / "results/table_patching_by_stage/patching_by_stage.csv")
    assert set(patched["n"]) == {len(correct)}
    assert set(patched["net_n"]) == {len(ids["validation"])}
    swap = pd.read_csv(odd_run / "results/table_encoder_swap/encoder_swap.csv")
    assert set(swap["n"][swap["queries"] == "correct"]) == {len(correct)}


def test_ids_in_a_trace(odd_run, ids):
    files = (odd_run / "results/trace_query").rglob("*.json")
    (trace,) = (path for path in files if not path.match("*provenance.json"))
    assert {d["doc_id"] for d in json.loads(trace.read_text())["documents"]} <= ids["doc_id"]
