"""Collections laid out as people have them, written by code; none of it is real data."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Pairs = Iterable[tuple[str, str, int]]
WORDS = "wing flow heat plate body layer shock flutter panel jet nozzle drag lift cone wake".split()


def _lines(path: Path, records: Iterable[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def _text(number: int) -> str:
    return " ".join(WORDS[(number * step) % len(WORDS)] for step in range(1, 12)) + f" {number}"


def cranfield(folder: Path) -> dict[str, Path]:
    """Like Cranfield as everybody has it: 1,400 abstracts, 225 queries, qrels with several
    relevant documents for a query. Documents 471 and 995 are empty, qrels name 995, query 63 has
    no relevant document, one line of the qrels is a -1."""
    documents = [
        {"doc_id": str(i), "title": f"On {WORDS[i % 15]}", "text": _text(i)} for i in range(1, 1401)
    ]
    for number in (471, 995):
        documents[number - 1] |= {"title": "", "text": ""}
    queries = [{"query_id": str(i), "text": f"what of {_text(i)}"} for i in range(1, 226)]
    pairs = {
        (query, 1 + (query * 37 + 61 * step) % 1400): 1 + step % 4
        for query in range(1, 226)
        for step in range(1 + query % 12)
        if query != 63
    }
    pairs = {pair: grade for pair, grade in pairs.items() if pair[1] not in (471, 995)}
    pairs |= {(40, 995): 3, (7, 12): -1, (63, 5): 0}
    qrels = "".join(f"{query} 0 {doc} {grade}\n" for (query, doc), grade in pairs.items())
    (folder / "qrels.txt").write_text(qrels)
    return {
        "documents": _lines(folder / "documents.jsonl", documents),
        "queries": _lines(folder / "queries.jsonl", queries),
        "qrels": folder / "qrels.txt",
    }


def scifact(folder: Path, *, documents: int = 60, compressed: bool = False) -> Path:
    """Like SciFact of BEIR: all queries in one file, qrels for train and test alone, some queries
    in neither, and training queries with two relevant documents."""
    end = ".jsonl.gz" if compressed else ".jsonl"
    ids = [f"{4000 + 7 * i:06d}" for i in range(documents)]
    corpus = [
        {"_id": ids[i], "title": f"On {i}", "text": _text(i), "metadata": {}}
        for i in range(documents)
    ]
    queries = [
        {"_id": f"{i}", "text": f"claim {_text(3 * i)}", "metadata": {str(i): []}}
        for i in range(4 * documents + 5)
    ]
    _lines(folder / f"corpus{end}", corpus)
    _lines(folder / f"queries{end}", queries)
    train = [(str(i), ids[i % documents], 1) for i in range(3 * documents)]
    train += [(str(i), ids[(i + 1) % documents], 1) for i in range(0, documents, 5)]
    test = [(str(i), ids[i % documents], 1) for i in range(3 * documents, 4 * documents)]
    qrels(folder / "qrels/train.tsv", train)
    qrels(folder / "qrels/test.tsv", test)
    return folder


def qrels(path: Path, pairs: Pairs) -> Path:
    """A file as BEIR has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{query}\t{doc}\t{grade}\n" for query, doc, grade in pairs)
    path.write_text(f"query-id\tcorpus-id\tscore\n{lines}")
    return path
