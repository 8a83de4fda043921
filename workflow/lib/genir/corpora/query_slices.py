"""Slices of the held-out queries that say how much of a query training could have memorised."""

from typing import Any

import numpy as np
import pandas as pd

from genir.base.joins import looked_up
from genir.corpora.words import content_words

KINDS = {
    "shared_word": ("yes", "no"),
    "nearest_query": ("high", "middle", "low", "none"),
    "training_queries": ("high", "middle", "low", "none"),
    "shared_with": ("both", "document", "query", "neither"),
}
"""Slices of each kind."""
_THIRDS = {"nearest_query": "nearest_overlap", "training_queries": "training_count"}
"""What the thirds of a kind are by."""


def query_slices(
    queries: pd.DataFrame, training: pd.DataFrame, held_out: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The held-out queries with their slices, and the boundaries and sizes of these.

    A row for each query: query_id, doc_id, split; shared_words; nearest_id, the training query of
    one of its relevant documents with the largest overlap of content words (Jaccard: words in both
    over words in either; of several the first by id), and nearest_overlap, both empty without one;
    training_count, how many training queries these documents have; and the slice of each kind:
    shared_word (yes: a content word in common with a relevant document's text), nearest_query and
    training_queries (low, middle, high: thirds of the queries that have a training query, equal
    values in one slice; none: the others), and shared_with (content words in common with a
    relevant document, with one of its training queries, with both or with neither).

    Args:
        queries: all queries (query_id, text, doc_id, split, shared_words).
        training: pairs of training queries and relevant documents (query_id, doc_id).
        held_out: the same of validation and test queries.
    """
    texts = queries.set_index("query_id")["text"]
    words = {query: content_words(text) for query, text in texts.items()}
    looked_up(training["query_id"], texts, "the dataset's queries")
    of_document = training.sort_values("query_id").groupby("doc_id")["query_id"].agg(list)
    known = of_document.to_dict()
    asked = queries[queries["split"].isin(["validation", "test"])]
    relevant = held_out.groupby("query_id")["doc_id"].agg(list)
    records = []
    for query, documents in looked_up(asked["query_id"], relevant, "the qrels").items():
        own = words[asked.at[query, "query_id"]]
        others = sorted({other for document in documents for other in known.get(document, [])})
        overlaps = [_jaccard(own, words[other]) for other in others]
        best = int(np.argmax(overlaps)) if overlaps else 0
        records.append(([*others, None][best], [*overlaps, np.nan][best], len(others)))
    columns = ["nearest_id", "nearest_overlap", "training_count"]
    found = pd.DataFrame(records, columns=columns, index=asked.index)
    table = asked[["query_id", "doc_id", "split", "shared_words"]].join(found)
    in_document, in_query = table["shared_words"] > 0, table["nearest_overlap"] > 0
    table["shared_word"] = np.where(in_document, "yes", "no")
    boundaries = {}
    for kind, column in _THIRDS.items():
        table[kind], boundaries[kind] = _thirds(table[column], table["training_count"] > 0)
    table["shared_with"] = np.select(
        [in_document & in_query, in_document, in_query], ["both", "document", "query"], "neither"
    )
    return table.reset_index(drop=True), {
        "boundaries": boundaries,
        "queries": {kind: _sizes(table, kind) for kind in KINDS},
    }


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0


def _thirds(values: pd.Series, taken: pd.Series) -> tuple[np.ndarray, dict[str, float] | None]:
    """The third of each value among those that are `taken`, and the largest value of the two lower
    ones; none for the others."""
    if not taken.any():
        return np.full(len(values), "none"), None
    low, middle = (float(number) for number in np.quantile(values[taken], [1 / 3, 2 / 3]))
    names = np.select([~taken, values <= low, values <= middle], ["none", "low", "middle"], "high")
    return names, {"low": low, "middle": middle}


def _sizes(table: pd.DataFrame, kind: str) -> dict[str, dict[str, int]]:
    """Split -> slice -> queries in it."""
    sizes = table.groupby("split")[kind].value_counts().unstack(fill_value=0)
    return {
        split: {name: int(row[name]) for name in KINDS[kind] if name in row}
        for split, row in sizes.iterrows()
    }
