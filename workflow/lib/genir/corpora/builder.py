"""Collecting a corpus record by record; what cannot be used is left out and counted."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from genir.corpora.corpus import Corpus

# The study cuts documents here (preprocess.py of its code). A model reads fewer: the first
# `document_tokens`. BM25 reads all of it.
TEXT_CHARACTERS = 1000

NO_TEXT = "documents_without_text"
AGAIN = "documents_that_come_again_with_another_text"
CUT = "documents_cut"
NO_QUESTION = "queries_without_text"
SAME_QUERY = "queries_that_come_again"
NO_DOCUMENT = "relevant_pairs_without_document"
UNANSWERED = "queries_without_document"


class CorpusBuilder:
    """Documents and queries as they come; `corpus` is what is left when all are there."""

    def __init__(self, characters: int | None = TEXT_CHARACTERS) -> None:
        """`characters`: how much of a document's text is kept, None for all."""
        self._characters = characters
        self._documents: dict[str, tuple[str, str]] = {}
        self._without_text: dict[str, None] = {}
        self._queries: dict[str, tuple[str, str | None]] = {}
        self._pairs: dict[tuple[str, str], None] = {}
        self._counts = Counter({CUT: 0, AGAIN: 0, NO_QUESTION: 0, SAME_QUERY: 0})

    def document(self, doc_id: str, title: str, text: str) -> None:
        """Add a document; of several with one doc_id the first that has a text stays."""
        text = text.strip()
        if not text:
            self._without_text[doc_id] = None
            return
        kept = text[: self._characters]
        if doc_id in self._documents:
            self._counts[AGAIN] += self._documents[doc_id][1] != kept
            return
        self._counts[CUT] += len(kept) < len(text)
        self._documents[doc_id] = (title, kept)

    def query(
        self, query_id: str, text: str, doc_ids: Iterable[str], split: str | None = None
    ) -> None:
        """Add a query and its relevant documents; of a query that was there before, those alone."""
        if not text.strip():
            self._counts[NO_QUESTION] += 1
            return
        self._counts[SAME_QUERY] += query_id in self._queries
        self._queries.setdefault(query_id, (text.strip(), split))
        self._pairs.update(dict.fromkeys((query_id, doc_id) for doc_id in doc_ids))

    def corpus(self) -> tuple[Corpus, dict[str, Any]]:
        """The corpus and what was counted. Pairs with a document that is not there go, and so do
        queries left without any."""
        pairs = [pair for pair in self._pairs if pair[1] in self._documents]
        answered = frozenset(query_id for query_id, _ in pairs)
        queries = [
            (query_id, *query) for query_id, query in self._queries.items() if query_id in answered
        ]
        documents = [(doc_id, *document) for doc_id, document in self._documents.items()]
        queries_table = pd.DataFrame(queries, columns=["query_id", "text", "split"], dtype="str")
        if all(split is None for _, split in self._queries.values()):
            queries_table = queries_table.drop(columns="split")
        corpus = Corpus(
            pd.DataFrame(documents, columns=["doc_id", "title", "text"], dtype="str"),
            queries_table,
            pd.DataFrame(pairs, columns=["query_id", "doc_id"], dtype="str"),
        )
        dropped = {
            NO_TEXT: len(self._without_text.keys() - self._documents.keys()),
            NO_QUESTION: self._counts[NO_QUESTION],
            NO_DOCUMENT: len(self._pairs) - len(pairs),
            UNANSWERED: len(self._queries) - len(queries),
        }
        return corpus, {key: self._counts[key] for key in (CUT, AGAIN, SAME_QUERY)} | {
            "dropped": dropped
        }
