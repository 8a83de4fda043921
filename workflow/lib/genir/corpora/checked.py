"""Collecting a corpus entry by entry, with a note of every fault that collections have."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from genir.base.errors import CorpusError
from genir.corpora.corpus import Corpus
from genir.corpora.faults import Faults, Faulty

NO_TEXT = "documents_without_text"
AGAIN = "documents_that_come_again"
AGAIN_OTHERWISE = "documents_that_come_again_with_another_text"
NO_QUESTION = "queries_without_text"
SAME_QUERY = "queries_that_come_again"
TWO_SPLITS = "queries_in_several_splits"
NO_QUERY = "relevant_pairs_without_query"
NO_DOCUMENT = "relevant_pairs_without_document"
SAME_PAIR = "judgements_that_come_again"
UNANSWERED = "queries_without_document"
KINDS = (
    NO_TEXT,
    AGAIN,
    AGAIN_OTHERWISE,
    NO_QUESTION,
    SAME_QUERY,
    TWO_SPLITS,
    NO_QUERY,
    NO_DOCUMENT,
    SAME_PAIR,
    UNANSWERED,
)
# What goes along with faulty entries, and what is no fault.
OF_DROPPED = "relevant_pairs_of_dropped_entries"
NOT_RELEVANT = "judgements_not_relevant"
UNJUDGED = "queries_without_judgement"


@dataclass(frozen=True)
class Names:
    """What messages call the parts of the corpus."""

    documents: str
    queries: str
    qrels: str


@dataclass(frozen=True)
class _Judgement:
    place: str
    relevant: bool
    split: str | None


class CheckedCorpus:
    """Documents, queries and judgements as they come, in any order; `corpus` is what is left.

    An entry has a `place`, such as `queries.jsonl, line 3`, which messages begin with. Of entries
    with the same id the first stays.
    """

    def __init__(self, names: Names, faulty: Faulty) -> None:
        self.faults = Faults(faulty, KINDS)
        self.not_relevant = 0
        # Whether an entry is there whose id cannot be read: who names it is not to blame.
        self.nameless = False
        self._names = names
        self._documents: dict[str, tuple[str, str, str]] = {}
        self._queries: dict[str, tuple[str, str]] = {}
        self._splits: dict[str, str] = {}
        self._judgements: dict[tuple[str, str], _Judgement] = {}
        self._lost: dict[str, set[str]] = {"documents": set(), "queries": set()}
        self._moved: set[tuple[str, str]] = set()
        # Places of queries that themselves name a document that is not there.
        self._blamed: set[str] = set()

    def lost_document(self, doc_id: str) -> None:
        """A document that is there and is not to be blamed on the judgements that name it."""
        self._lost["documents"].add(doc_id)

    def lost_query(self, query_id: str) -> None:
        """The same of a query."""
        self._lost["queries"].add(query_id)

    def document(self, place: str, doc_id: str, title: str, text: str | None) -> None:
        """Add a document."""
        if text is None or not text.strip():
            self.lost_document(doc_id)
            self.faults.note(NO_TEXT, f"{place}: {_lacking(text)}, and the judgements that name it")
        elif doc_id in self._documents:
            before, *content = self._documents[doc_id]
            self.faults.note(
                AGAIN if content == [title, text] else AGAIN_OTHERWISE,
                f"{place}: doc_id {doc_id!r} is in {_seen_from(place, before)} already; "
                "give every entry an id of its own",
            )
        else:
            self._documents[doc_id] = (place, title, text)

    def query(self, place: str, query_id: str, text: str | None, split: str | None = None) -> None:
        """Add a query. One that is in two splits stays in the first."""
        if text is None or not text.strip():
            self.lost_query(query_id)
            self.faults.note(
                NO_QUESTION, f"{place}: {_lacking(text)}, and the judgements that name it"
            )
            return
        if query_id in self._queries and (split is None or split == self._splits[query_id]):
            before = self._queries[query_id][0]
            self.faults.note(
                SAME_QUERY,
                f"{place}: query_id {query_id!r} is in {_seen_from(place, before)} already; "
                "give every entry an id of its own",
            )
            return
        self._queries.setdefault(query_id, (place, text))
        self._put_into(place, query_id, split)

    def judgement(
        self, place: str, query_id: str, doc_id: str, *, relevant: bool, split: str | None = None
    ) -> None:
        """Add a judgement; `split` is that of the query if the judgement says it."""
        self.not_relevant += not relevant
        if relevant:
            self._put_into(place, query_id, split)
        new = _Judgement(place, relevant, split)
        before = self._judgements.setdefault((query_id, doc_id), new)
        if before is not new and before.split == split and (relevant or before.relevant):
            self.faults.note(
                SAME_PAIR,
                f"{place}: the pair of {_seen_from(place, before.place)} again; "
                "remove one of the two",
            )

    def check_named(self, place: str, query_id: str, doc_id: str) -> None:
        """What a query names itself must be relevant. Raises CorpusError if it is not."""
        judgement = self._judgements.get((query_id, doc_id))
        if judgement is None or not judgement.relevant:
            raise CorpusError(
                f"{place}: doc_id {doc_id!r} is not relevant to query {query_id!r} in "
                f"{self._names.qrels}; remove the key doc_id or add the line to the qrels"
            )

    def corpus(self, *, all_judged: bool = True) -> tuple[Corpus, dict[str, Any]]:
        """The corpus and its counts, what was dropped among them.

        Without `all_judged` queries that no judgement names are left out, and are no fault. Raises
        CorpusError with all faults that are not to be dropped.
        """
        if self.nameless:
            self.faults.check()
        pairs, of_dropped = self._pairs()
        kept, unjudged = self._answered(frozenset(pair[0] for pair in pairs), all_judged)
        self.faults.check()
        queries = pd.DataFrame(
            [(query_id, self._queries[query_id][1]) for query_id in kept],
            columns=["query_id", "text"],
            dtype="str",
        )
        if self._splits:
            queries["split"] = pd.Series([self._splits[query_id] for query_id in kept], dtype="str")
        documents = [(doc_id, *content) for doc_id, (_, *content) in self._documents.items()]
        corpus = Corpus(
            pd.DataFrame(documents, columns=["doc_id", "title", "text"], dtype="str"),
            queries,
            pd.DataFrame(pairs, columns=["query_id", "doc_id"], dtype="str"),
        )
        counts: dict[str, Any] = {NOT_RELEVANT: self.not_relevant}
        if not all_judged:
            counts[UNJUDGED] = unjudged
        return corpus, counts | {"dropped": self.faults.dropped() | {OF_DROPPED: of_dropped}}

    def _put_into(self, place: str, query_id: str, split: str | None) -> None:
        if split is None:
            return
        first = self._splits.setdefault(query_id, split)
        if first != split and (query_id, split) not in self._moved:
            self._moved.add((query_id, split))
            self.faults.note(
                TWO_SPLITS,
                f"{place}: query {query_id!r} is a {split} query here and a {first} query before; "
                "leave it in one of the two",
            )

    def _pairs(self) -> tuple[list[tuple[str, str]], int]:
        """The relevant pairs of documents and queries that are there, and how many there are of
        those that have no text."""
        pairs, of_dropped = [], 0
        for (query_id, doc_id), judgement in self._judgements.items():
            if not judgement.relevant:
                continue
            if query_id in self._queries and doc_id in self._documents:
                pairs.append((query_id, doc_id))
            elif query_id not in self._queries and query_id not in self._lost["queries"]:
                self.faults.note(
                    NO_QUERY,
                    f"{judgement.place}: there is no query {query_id!r} in {self._names.queries}; "
                    "correct the query_id or remove the line",
                )
            elif doc_id not in self._documents and doc_id not in self._lost["documents"]:
                self._blamed.add(judgement.place)
                self.faults.note(
                    NO_DOCUMENT,
                    f"{judgement.place}: there is no document {doc_id!r} in "
                    f"{self._names.documents}; correct the doc_id or add the document",
                )
            else:
                of_dropped += 1
        return pairs, of_dropped

    def _answered(self, answered: frozenset[str], all_judged: bool) -> tuple[list[str], int]:
        """The queries with a relevant document, and how many no judgement names."""
        judged = frozenset(query_id for query_id, _ in self._judgements)
        unjudged = 0
        for query_id, (place, _) in self._queries.items():
            if query_id in answered:
                continue
            if not all_judged and query_id not in judged:
                unjudged += 1
            elif place not in self._blamed or self.faults.faulty == "drop":
                self.faults.note(
                    UNANSWERED,
                    f"{place}: {self._names.qrels} names no relevant document for query "
                    f"{query_id!r}; add a line with relevance 1 and a document that is there, or "
                    "remove the query",
                )
        return [query_id for query_id in self._queries if query_id in answered], unjudged


def _seen_from(place: str, before: str) -> str:
    """`before` without the file, if that is also the one of `place`."""
    file, _, position = before.rpartition(", ")
    return position if place.rpartition(", ")[0] == file else before


def _lacking(text: str | None) -> str:
    if text is None:
        return 'no text; add "text": "...", or remove the entry'
    return "text is empty; write a text or remove the entry"
