"""The tables of one dataset as training needs them: documents, queries, generated queries."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from genir.base.errors import CorpusError
from genir.base.joins import check_known, looked_up
from genir.corpora.trec import read_qrels
from genir.files.io import read_parquet


def read_generated(path: Path, documents: pd.DataFrame) -> pd.DataFrame:
    """The queries (doc_id, text) that generate_queries wrote for `documents`.

    Raises CorpusError if they belong to other documents.
    """
    queries = read_parquet(path, columns=["doc_id", "text"])
    own, theirs = frozenset(documents["doc_id"]), frozenset(queries["doc_id"])
    if own != theirs:
        odd = min(own ^ theirs)
        raise CorpusError(
            f"{path} was generated for another dataset: document {odd!r} is only in "
            f"{'the dataset' if odd in own else 'that file'}; "
            "name the generated queries of the dataset that the model is trained on"
        )
    return queries


@dataclass(frozen=True)
class TrainingFiles:
    """Documents, queries and training qrels of a dataset (written by subset_corpus), and the
    generated queries that are indexed in place of documents, if any."""

    documents: Path
    queries: Path
    qrels: Path
    generated: Path | None = None

    def read(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Documents (doc_id, title, text) and training pairs (query_id, doc_id, text).

        Raises AnalysisError if a query or document of the qrels is not there.
        """
        documents, pairs = read_parquet(self.documents), read_qrels(self.qrels)
        check_known(pairs["doc_id"], documents["doc_id"], self.documents)
        texts = read_parquet(self.queries, columns=["query_id", "text"])
        found = looked_up(pairs["query_id"], texts.set_index("query_id")["text"], self.queries)
        return documents, pairs.assign(text=found)

    def read_generated(self, documents: pd.DataFrame) -> pd.DataFrame | None:
        """Generated queries (doc_id, text) of `documents`, or None for direct indexing.

        Raises CorpusError if they belong to other documents.
        """
        return self.generated and read_generated(self.generated, documents)

    def paths(self) -> dict[str, Path]:
        return {name: path for name, path in vars(self).items() if path is not None}


def document_text(documents: pd.DataFrame) -> pd.Series:
    """The text that is indexed: title, then body."""
    return (documents["title"].str.strip() + ". " + documents["text"]).str.removeprefix(". ")
