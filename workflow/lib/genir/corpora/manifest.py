"""What a folder of data says about itself, manifest.json.

Keys of a corpus: source (package and version, data set, or "files"), release, licence, citation
(null where nothing is known), format (what the files beside it hold), counts, inputs and outputs.
Keys of a dataset: corpus, source, release, licence, citation, split_mode, seed, format, counts,
inputs and outputs; where queries have several relevant documents, several_relevant_documents.
Inputs and outputs give file name and SHA-256, by role.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from genir.base.names import SPLITS
from genir.corpora.corpus import Origin
from genir.files.fingerprint import sha256

CORPUS_FORMAT = {
    "documents": "Parquet: doc_id, title, text",
    "queries": "Parquet: query_id, text, verbatim (the query's words stand in a row in a text of "
    "the corpus), and split where the source gives it",
    "qrels": "TREC qrels, relevant pairs only: query_id 0 doc_id 1",
}
DATASET_FORMAT = {
    "documents": CORPUS_FORMAT["documents"],
    "queries": "Parquet: query_id, text, doc_id (the first relevant one), split, verbatim, "
    "shared_words (content words in common with the relevant documents)",
    **{f"{split}_qrels": CORPUS_FORMAT["qrels"] for split in SPLITS},
}

SEVERAL_RELEVANT = {
    "ranks": "the best-ranked relevant document counts: in ranks, correct queries, patching, "
    "circuits, encoder swaps, the logit lens and direct contributions",
    "training": "every pair of a training query and a relevant document is an example",
    "grades": "every relevance above 0 counts 1, in nDCG too",
    "recall_at_5": "in retrieval tables the share of the relevant documents among the first five, "
    "in circuit tables the share of queries with one of them there",
    "intervals": "queries are resampled with those of the same first relevant document (column "
    "doc_id, the first by name)",
    "reduced_models": "removed documents are drawn from queries that have one relevant document",
}
"""What is done with queries of several relevant documents, by what it is done for."""


def described(files: dict[str, Path]) -> dict[str, dict[str, str]]:
    """File name and SHA-256 by role; folders are left out, they differ between machines."""
    return {role: {"file": Path(path).name, "sha256": sha256(path)} for role, path in files.items()}


def spelled_out(counts: dict[str, Any]) -> str:
    """Counts as one line for the log."""
    flat = [
        (f"{outer}: {name}", number)
        for outer, value in counts.items()
        for name, number in (value.items() if isinstance(value, dict) else [("", value)])
    ]
    return ", ".join(f"{name.removesuffix(': ')} {number}" for name, number in flat)


def split_counts(queries: pd.DataFrame) -> dict[str, int]:
    """How many queries each split has."""
    return {f"{split}_queries": int(queries["split"].eq(split).sum()) for split in SPLITS}


def corpus_manifest(origin: Origin, own: dict[str, Any]) -> dict[str, Any]:
    """Where a corpus comes from, followed by the `own` keys of what was written."""
    keys = ("source", "release", "licence", "citation", "inputs")
    return {key: getattr(origin, key) for key in keys} | own


def dataset_manifest(corpus: dict[str, Any], name: str, own: dict[str, Any]) -> dict[str, Any]:
    """Where the corpus `name` comes from, followed by the dataset's `own` keys."""
    origin = {key: corpus[key] for key in ("source", "release", "licence", "citation")}
    return {"corpus": name} | origin | own
