"""The BM25 baseline.

bm25s with its defaults: the variant of Lucene (Kamphuis et al. 2020), k1 = 1.5, b = 0.75. Words
are those of genir.corpora.words.words without a plural ending; no stop words are removed.
"""

from collections.abc import Iterable, Sequence

import bm25s
import numpy as np
import pandas as pd

from genir.corpora.words import singular, words


def document_texts(
    documents: pd.DataFrame, training: pd.DataFrame, *, with_queries: bool
) -> list[str]:
    """Title and text of every document, followed by its training queries if asked for.

    `training` holds the training pairs: doc_id, text.
    """
    texts = documents["title"] + " " + documents["text"]
    if with_queries:
        queries = training.groupby("doc_id")["text"].agg(" ".join)
        texts = texts + " " + documents["doc_id"].map(queries).fillna("")
    return list(texts)


def rank_documents(
    doc_ids: Sequence[str], texts: Iterable[str], queries: Iterable[str], depth: int
) -> np.ndarray:
    """The best `depth` documents of every query, `[query, depth]`, or all if there are fewer.

    Equal scores, the zeros among them, are in the order of `doc_ids`.
    """
    index = bm25s.BM25()
    index.index([tokens(text) for text in texts], show_progress=False)
    names = np.array(doc_ids, dtype=object)
    orders = [np.argsort(-_scores(index, query), kind="stable")[:depth] for query in queries]
    return names[np.array(orders, dtype=np.int64).reshape(len(orders), -1)]


def tokens(text: str) -> list[str]:
    return [singular(word) for word in words(text)]


def _scores(index: bm25s.BM25, query: str) -> np.ndarray:
    """Score of every document `[document]`; bm25s fails on a query without words."""
    query_tokens = tokens(query)
    if not query_tokens:
        return np.zeros(index.scores["num_docs"])
    return index.get_scores(query_tokens)
