"""The tables of one dataset as training needs them."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from genir.trec import read_qrels


@dataclass(frozen=True)
class TrainingFiles:
    """Documents, queries and training qrels of a dataset (written by subset_corpus)."""

    documents: Path
    queries: Path
    qrels: Path

    def read(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Documents (doc_id, title, text) and training pairs (query_id, text, doc_id)."""
        documents = pd.read_parquet(self.documents)
        texts = pd.read_parquet(self.queries, columns=["query_id", "text"])
        return documents, read_qrels(self.qrels).merge(texts, on="query_id", how="left")

    def paths(self) -> dict[str, Path]:
        return vars(self)
