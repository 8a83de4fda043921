"""Which queries are held out for validation and test."""

from collections.abc import Callable, Collection

import pandas as pd

from genir.base.errors import CorpusError
from genir.base.names import SPLITS
from genir.base.seeding import generator


def hold_out_queries(
    qrels: pd.DataFrame,
    validation: int,
    test: int,
    seed: int,
    kept: Collection[str] = frozenset(),
) -> dict[str, str]:
    """Split of every held-out query.

    At most one query of a document is held out, none of the queries in `kept`, and each document
    of a held-out query keeps at least one other query. Raises CorpusError if fewer than
    `validation + test` can be held out.
    """
    queries_of, documents_of = _lists(qrels, "doc_id"), _lists(qrels, "query_id")
    random, used, chosen = generator(seed, "held-out-queries"), set(), []
    for document in _shuffled(queries_of, seed):
        candidates = [
            query
            for query in queries_of[document]
            if query not in kept
            and all(d not in used and len(queries_of[d]) > 1 for d in documents_of[query])
        ]
        if candidates:
            chosen.append(candidates[random.integers(len(candidates))])
            used.update(documents_of[chosen[-1]])
    _check_possible(validation, test, "queries", lambda _: len(chosen))
    parts = {"validation": chosen[:validation], "test": chosen[validation : validation + test]}
    return {query: split for split, queries in parts.items() for query in queries}


def hold_out_documents(
    qrels: pd.DataFrame, validation: int, test: int, seed: int
) -> dict[str, str]:
    """Split of every query of `validation` and of `test` drawn documents.

    No query belongs to a document of each. Raises CorpusError if there are too few documents with
    a query; at least one is left to train on.
    """
    queries_of = _lists(qrels, "doc_id")
    order = _shuffled(queries_of, seed)
    split = {q: "validation" for document in order[:validation] for q in queries_of[document]}
    separate = [d for d in order[validation:] if split.keys().isdisjoint(queries_of[d])]

    def possible(first: int) -> int:
        """How many documents can be held out in all, the `first` ones for validation."""
        taken = {query for document in order[:first] for query in queries_of[document]}
        rest = sum(taken.isdisjoint(queries_of[document]) for document in order[first:])
        return min(len(order) - 1, first + rest)

    _check_possible(validation, test, "documents", possible)
    return split | {q: "test" for document in separate[:test] for q in queries_of[document]}


def given_split(queries: pd.DataFrame) -> dict[str, str]:
    """Split of every query as its column `split` says.

    Raises CorpusError if there is no such column or one of the splits is empty.
    """
    if "split" not in queries:
        raise CorpusError(
            "split: given needs the key split (train, validation or test) in the queries file; "
            "add it, or write split: query"
        )
    counts = {split: int(queries["split"].eq(split).sum()) for split in SPLITS}
    for split, number in counts.items():
        if not number:
            there = ", ".join(f"{number} {split}" for split, number in counts.items())
            raise CorpusError(
                f"no {split} query belongs to the drawn documents (there are {there} queries); "
                f'write "split": "{split}" for some queries, draw more documents, or write '
                "split: query or split: document, which draw the queries that are held out"
            )
    return dict(zip(queries["query_id"], queries["split"], strict=True))


def _check_possible(validation: int, test: int, what: str, possible: Callable[[int], int]) -> None:
    """Raises CorpusError with the largest numbers that would work, in the proportion asked for.
    `possible(validation)` is how many can be held out with so many for validation."""
    most = possible(validation)
    if validation + test <= most:
        return
    asked = (
        f"{validation} validation and {test} test {what} are asked for, {most} {what} can be held "
        "out"
    )
    for total in range(min(validation + test - 1, possible(0)), 1, -1):
        first = min(max(1, round(total * validation / (validation + test))), total - 1)
        if total <= possible(first):
            raise CorpusError(
                f"{asked}; write at most validation_queries: {first} and "
                f"test_queries: {min(test, possible(first) - first)}, or draw more documents"
            )
    raise CorpusError(
        f"{asked}, too few for one of each; draw more documents, or take a corpus with more queries"
    )


def _lists(qrels: pd.DataFrame, key: str) -> dict[str, list[str]]:
    """The other column's values for each value of `key`, sorted."""
    other = "query_id" if key == "doc_id" else "doc_id"
    groups: dict[str, list[str]] = {}
    for row in qrels.sort_values([key, other])[[key, other]].itertuples(index=False):
        groups.setdefault(row[0], []).append(row[1])
    return groups


def _shuffled(groups: dict[str, list[str]], seed: int) -> list[str]:
    """Keys in random order; `groups` has them sorted."""
    keys = list(groups)
    return [keys[i] for i in generator(seed, "held-out-documents").permutation(len(keys))]
