"""A corpus: documents, queries and which document answers which query."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from genir.trec import read_qrels

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Corpus:
    """Documents (doc_id, title, text), queries (query_id, text and what else is known of them) and
    qrels (query_id, doc_id), the relevant pairs only."""

    documents: pd.DataFrame
    queries: pd.DataFrame
    qrels: pd.DataFrame


def read_exported(documents: Path, queries: Path, qrels: Path) -> Corpus:
    """A corpus as export_corpus writes it."""
    return Corpus(pd.read_parquet(documents), pd.read_parquet(queries), read_qrels(qrels))
