"""Generated queries of a dataset: without repetitions and without test text, and described."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from genir.base.errors import CorpusError
from genir.corpora.words import content_words, fold, words


@dataclass(frozen=True)
class GeneratedQueries:
    """What was generated (doc_id, text) for `documents`, and what of it may be trained on.

    `known` holds the dataset's own queries (text, doc_id, split). `distinct` (doc_id, text, key)
    has the first of equal queries of each document, equal meaning: after folding case, punctuation,
    word order and plural; `kept` those of them that equal no validation or test query of any
    document, or all if these are not to be dropped.
    """

    generated: pd.DataFrame
    documents: pd.DataFrame
    known: pd.DataFrame
    distinct: pd.DataFrame
    kept: pd.DataFrame
    removed: dict[str, int]

    def lacking(self) -> pd.DataFrame:
        """The documents that no query is kept for."""
        return self.documents[~self.documents["doc_id"].isin(self.kept["doc_id"])]

    def table(self) -> pd.DataFrame:
        """The kept queries (doc_id, text) in the order of the documents.

        Raises CorpusError if a document has none.
        """
        self._check_every_document()
        place = {doc_id: number for number, doc_id in enumerate(self.documents["doc_id"])}
        order = self.kept["doc_id"].map(place).argsort(kind="stable")
        return self.kept.iloc[order][["doc_id", "text"]].reset_index(drop=True)

    def facts(self) -> dict[str, Any]:
        """What is to be known of the queries. Those that equal known ones are counted before they
        are left out."""
        held_out = self.known["split"] != "train"
        lengths = self.kept["text"].map(lambda text: len(words(text)))
        return {
            "counts": {"documents": len(self.documents), "queries": len(self.kept)},
            "generated": len(self.generated),
            "removed": self.removed,
            "equal_to_training_query": _equal(self.distinct, self.known[~held_out]),
            "equal_to_held_out_query": _equal(self.distinct, self.known[held_out]),
            "mean_words": float(lengths.mean()),
            "mean_share_of_words_in_document": _share_of_words(self.kept, self.documents),
        }

    def _check_every_document(self) -> None:
        lacking = self.lacking()["doc_id"].tolist()
        if not lacking:
            return
        number = int(self.generated["doc_id"].eq(lacking[0]).sum())
        mend = (
            f"its {number} were left out: raise queries_per_document, or write drop_held_out: false"
            if number
            else "every document needs one: add it, or name the file of these documents"
        )
        raise CorpusError(
            f"document {lacking[0]!r} has no generated query ({len(lacking)} of "
            f"{len(self.documents)} documents have none); {mend}"
        )


def clean_queries(
    generated: pd.DataFrame, documents: pd.DataFrame, known: pd.DataFrame, *, drop_held_out: bool
) -> GeneratedQueries:
    """Leave out what is not trained on: queries of other documents, queries without a word, a
    document's repetitions and, with `drop_held_out`, validation and test queries."""
    own = generated[generated["doc_id"].isin(documents["doc_id"])]
    keyed = own[["doc_id", "text"]].assign(key=own["text"].map(fold))
    worded = keyed[keyed["key"] != ""]
    distinct = worded.drop_duplicates(["doc_id", "key"])
    held_out = known["text"][known["split"] != "train"].map(fold)
    kept = distinct[~(distinct["key"].isin(held_out) & drop_held_out)]
    removed = {
        "of_other_documents": len(generated) - len(own),
        "without_words": len(own) - len(worded),
        "repeated": len(worded) - len(distinct),
        "held_out": len(distinct) - len(kept),
    }
    return GeneratedQueries(generated, documents, known, distinct, kept, removed)


def _equal(queries: pd.DataFrame, known: pd.DataFrame) -> dict[str, int]:
    """How many queries equal one of `known`: one of any document; one of their own document."""
    others = known["text"].map(fold)
    pairs = frozenset(zip(known["doc_id"], others, strict=True))
    own = [pair in pairs for pair in zip(queries["doc_id"], queries["key"], strict=True)]
    return {"any_document": int(queries["key"].isin(others).sum()), "own_document": sum(own)}


def _share_of_words(queries: pd.DataFrame, documents: pd.DataFrame) -> float:
    """Share of a query's content words that its document has, mean over queries."""
    texts = documents["title"] + " " + documents["text"]
    words_of = dict(zip(documents["doc_id"], map(content_words, texts), strict=True))
    contents = zip(queries["doc_id"], queries["text"].map(content_words), strict=True)
    shares = [len(own & words_of[doc_id]) / max(1, len(own)) for doc_id, own in contents]
    return sum(shares) / len(shares)
