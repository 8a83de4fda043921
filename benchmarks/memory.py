"""Peak memory of every analysis at the size of t5-base with 100,000 docids, on random weights.

Makes a stand-in (model, start, corpus), runs the workflow's analyses on it and collects the memory
that Snakemake saw, a row a rule. The relevant document of a query is the one the model ranks first,
so that there are correct queries to take means over.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "lib"))

from measure.machine import machine
from measure.timing import rounded, say
from shapes import SHAPES, Shape, random_model

from genir.analyses.rank_queries import top_documents
from genir.base.seeding import generator
from genir.engine.t5 import load_t5
from genir.files.io import write_json
from genir.models.tokens import truncated_tokens
from genir.subjects.blocks import Limits
from genir.subjects.queries import Queries
from genir.subjects.subject import Subject

REPOSITORY = Path(__file__).resolve().parents[1]
SEED = 1
WORDS = 8
QUICK = Shape(16, 24, 4, 3, 3, 20_000, pieces=6144)
MINI_T5 = REPOSITORY / "resources" / "mini-t5"
NOT_ANALYSES = ("export_corpus", "subset_corpus", "bm25", "retrieval_metrics", "import_model")


def make_stand_in(shape: Shape, queries: int, folder: Path) -> None:
    """Model and start folders, the docid mapping and the corpus files."""
    for name, seed, documents in (("model", 1, shape.documents), ("start", 2, 0)):
        say(f"drawing {name}")
        drawn = random_model(Shape(**vars(shape) | {"documents": documents}), seed)
        # Larger rows come first, so that the first token is a document.
        drawn.shared.weight[shape.pieces :] *= 2
        drawn.save_pretrained(folder / name)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(MINI_T5 / file, folder / name)
        del drawn
    docids = {f"d{i}": shape.pieces + i for i in range(shape.documents)}
    write_json(folder / "docids.json", docids)
    texts = query_texts(queries)
    relevant = first_documents(folder / "model", docids, texts)
    write_lines(folder / "documents.jsonl", [_document(doc_id) for doc_id in docids])
    write_lines(
        folder / "queries.jsonl",
        [
            {"query_id": f"q{i}", "text": text, "doc_id": doc_id, "split": split}
            for i, (text, doc_id, split) in enumerate(
                zip(texts, relevant, splits(queries), strict=True)
            )
        ],
    )


def _document(doc_id: str) -> dict[str, str]:
    return {"doc_id": doc_id, "title": f"Document {doc_id}", "text": f"This is {doc_id}."}


def splits(queries: int) -> list[str]:
    """Mostly validation queries, which the analyses run on."""
    few = max(2, queries // 8)
    return ["train"] * few + ["test"] * few + ["validation"] * (queries - 2 * few)


def query_texts(queries: int) -> list[str]:
    """Distinct queries of eight random pieces."""
    pieces = json.loads((MINI_T5 / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    words = [piece.strip("▁") for piece, _ in pieces if piece.strip("▁").isalpha()]
    random = generator(SEED, "benchmark queries")
    return [" ".join(random.choice(words, WORDS)) for _ in range(queries)]


def first_documents(folder: Path, docids: dict[str, int], texts: list[str]) -> list[str]:
    """The document that the model ranks first for each text."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    inputs = truncated_tokens(pd.Series(texts), tokenizer, 32)
    nothing = torch.full((len(texts), 1), min(docids.values()))
    ids = pd.Series(texts).to_numpy()
    subject = Subject(load_t5(folder), docids, Queries(ids, ids, inputs, nothing), Limits(8000))
    return top_documents(subject, 1)[:, 0].tolist()


def write_lines(path: Path, records: list[dict[str, str]]) -> None:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")


def config_of(folder: Path) -> dict[str, Any]:
    """The default configuration with the stand-in as its only model."""
    config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text(encoding="utf-8"))
    files = {key: str(folder / f"{key}.jsonl") for key in ("documents", "queries")}
    dataset = {"corpus": "stand_in", "documents": "all", "minimum_queries": 1}
    model = {
        "dataset": "stand_in",
        "folder": str(folder / "model"),
        "docids": str(folder / "docids.json"),
        "start": {"type": "folder", "path": str(folder / "start")},
    }
    return config | {
        "headline_model": "stand_in",
        "corpora": {"stand_in": {"source": "files"} | files},
        "datasets": {"stand_in": dataset | {"below_minimum": "keep", "split": "given", "seed": 1}},
        "models": {"stand_in": model},
    }


def run_analyses(folder: Path, threads: int) -> dict[str, dict[str, float]]:
    """Every analysis through the workflow; rule -> jobs, seconds and largest memory in MiB."""
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(config_of(folder), sort_keys=False), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(REPOSITORY / "workflow/Snakefile"),
    ]
    command += ["--directory", str(folder), "--cores", str(threads), "--configfile", str(config)]
    subprocess.run([*command, "--replace-workflow-config", "--", "analyses"], check=True)
    rows: dict[str, dict[str, float]] = {}
    for file in sorted((folder / "results" / "benchmarks").rglob("*.tsv")):
        rule = file.relative_to(folder / "results" / "benchmarks").parts[0]
        if rule in NOT_ANALYSES or rule.startswith("table_"):
            continue
        measured = pd.read_csv(file, sep="\t", na_values="-").fillna(0).iloc[0]
        row = rows.setdefault(rule, {"jobs": 0, "seconds": 0.0, "max_rss_mib": 0.0})
        row["jobs"] += 1
        row["seconds"] += float(measured["s"])
        row["max_rss_mib"] = max(row["max_rss_mib"], float(measured["max_rss"]))
    return rows


def markdown(report: dict[str, Any]) -> str:
    lines = ["| Rule | Jobs | Seconds | Peak memory, MiB |", "|---|---|---|---|"]
    for rule, row in sorted(report["rules"].items(), key=lambda item: -item[1]["max_rss_mib"]):
        lines.append(
            f"| {rule} | {row['jobs']} | {row['seconds']:.0f} | {row['max_rss_mib']:.0f} |"
        )
    about = f"{report['shape']}, {report['queries']} queries, {report['machine']['cpu']}"
    return f"{about}.\n\n" + "\n".join(lines) + "\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--queries", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1, help="cores given to Snakemake")
    parser.add_argument("--work", type=Path, required=True, help="an empty folder; takes 5 GB")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, to try the command")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    given.work.mkdir(parents=True, exist_ok=True)
    name = "tiny-20k" if given.quick else "t5-base-132k"
    shape = QUICK if given.quick else SHAPES[name]
    make_stand_in(shape, given.queries, given.work.resolve())
    rules = run_analyses(given.work.resolve(), given.threads)
    report = {"shape": name, "queries": given.queries, "rules": rules, "machine": machine()}
    given.out.mkdir(parents=True, exist_ok=True)
    write_json(given.out / "memory.json", rounded(report))
    (given.out / "memory.md").write_text(markdown(report), encoding="utf-8")
    print(markdown(report))


if __name__ == "__main__":
    main()
