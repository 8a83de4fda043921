"""A corpus: documents, queries and which document answers which query."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from genir.base.joins import check_known
from genir.corpora.trec import read_qrels
from genir.corpora.words import fold
from genir.files.io import read_parquet


@dataclass(frozen=True)
class Corpus:
    """Documents (doc_id, title, text), queries (query_id, text and what else is known of them) and
    qrels (query_id, doc_id), the relevant pairs only."""

    documents: pd.DataFrame
    queries: pd.DataFrame
    qrels: pd.DataFrame


@dataclass(frozen=True)
class Origin:
    """Where a corpus comes from, as its manifest says it (genir.corpora.manifest).

    `counts` is what was found and left out on the way. `texts` are those of the source that are
    not in the documents; a query that stands verbatim in one of them is marked too.
    """

    source: str
    release: str
    licence: str | None = None
    citation: str | None = None
    counts: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    texts: Sequence[str] = ()


def read_exported(documents: Path, queries: Path, qrels: Path) -> Corpus:
    """A corpus as export_corpus writes it.

    Raises AnalysisError if the qrels name what is not in the other files.
    """
    corpus = Corpus(read_parquet(documents), read_parquet(queries), read_qrels(qrels))
    check_known(corpus.qrels["doc_id"], corpus.documents["doc_id"], documents)
    check_known(corpus.qrels["query_id"], corpus.queries["query_id"], queries)
    return corpus


def corpus_counts(corpus: Corpus) -> dict[str, int]:
    """Sizes of a corpus, and what a split has to take care of."""
    relevant = corpus.qrels["query_id"].value_counts()
    return {
        "documents": len(corpus.documents),
        "queries": len(corpus.queries),
        "relevant_pairs": len(corpus.qrels),
        "documents_without_query": int((~_in(corpus.documents, corpus.qrels, "doc_id")).sum()),
        "queries_of_several_documents": int((relevant > 1).sum()),
        "queries_that_repeat_another": int(
            (first_alike(corpus.queries) != corpus.queries["query_id"]).sum()
        ),
    }


def first_alike(queries: pd.DataFrame) -> pd.Series:
    """For each of `queries` (query_id, text) the least query_id among those that say the same.

    Case, punctuation, word order and plural do not count.
    """
    keys = [fold(text) or text for text in queries["text"]]
    return queries["query_id"].groupby(keys).transform("min")


def _in(rows: pd.DataFrame, others: pd.DataFrame, key: str) -> pd.Series:
    return rows[key].isin(others[key])
