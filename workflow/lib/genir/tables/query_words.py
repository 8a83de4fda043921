"""What knocking words out of the query does, by kind of word."""

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genir.corpora.words import content_words
from genir.estimates.intervals import columns, mean_interval, mean_ratio_interval
from genir.estimates.paired_tests import holm, paired_difference
from genir.estimates.ranks import read_ranks
from genir.files.io import read_parquet
from genir.tables.page import VOCABULARY_RANK, Table, wide

COLUMNS = "model where kind group measure value low high n p p_holm".split()
KINDS = {
    "all": ("all",),
    "in_document": ("in_document", "not_in_document", "function_word"),
    "idf": ("low", "middle", "high"),
    "position": ("first", "middle", "last", "only"),
    "pieces": ("one", "several"),
}
PAIRS = {
    "in_document": ("in_document", "not_in_document"),
    "idf": ("high", "low"),
    "position": ("first", "last"),
    "pieces": ("one", "several"),
}
"""Two groups of each kind, compared within the queries that have words of both."""
BROKEN, LOST, APART = "broken_percent", "logit_difference_lost", "difference"
NOTE = (
    "n counts words; of the rows with measure difference (how many more logits of the difference a "
    "word of the first group carries than one of the second) queries that have both."
)


def make(
    files: dict[str, Path], clean: dict[str, Path], documents: dict[str, Path], seed: int
) -> Table:
    """Tabulate what one word less does to correct queries, by model, place and kind of word.

    Measures: broken_percent, of words without which the document is no longer first;
    logit_difference_lost, in units of the unmodified one, a ratio of sums over words; difference,
    between the two groups of PAIRS: by how many logits the logit difference falls more without a
    word of the first than without one of the second, means of each query, with the p of a paired
    test (p_holm: Holm's correction over all of a model).

    Args:
        documents: documents of each model's dataset (Parquet).
    """
    records = []
    for model, path in files.items():
        frame = _with_kinds(read_parquet(path), read_ranks(clean[model]), documents[model])
        own = _rows([part for _, part in frame.groupby("where", sort=False)], seed)
        adjusted = holm([row.get("p", math.nan) for row in own])
        records += [
            {"model": model, "p": math.nan} | row | {"p_holm": p}
            for row, p in zip(own, adjusted, strict=True)
        ]
    frame = pd.DataFrame(records, columns=COLUMNS)
    return Table(frame, shown(frame), VOCABULARY_RANK, NOTE)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Stages, all layers and mean states; a line for each group."""
    part = frame[~frame["where"].str.startswith("layer")]
    return wide(part, ["model", "kind", "group", "measure", "n"], "where")


def _with_kinds(words: pd.DataFrame, clean: pd.DataFrame, documents: Path) -> pd.DataFrame:
    """With a column for each kind, the logit difference before, and after minus before."""
    texts = read_parquet(documents, ["doc_id", "title", "text"]).set_index("doc_id")
    of_document = {
        name: content_words(f"{row.title} {row.text}")
        for name, row in zip(texts.index, texts.itertuples(index=False), strict=True)
    }
    known = clean.set_index("query_id")
    before = (known["relevant_logit"] - known["other_logit"]).reindex(words["query_id"]).to_numpy()
    after = (words["relevant_logit"] - words["other_logit"]).to_numpy()
    folded = {word: content_words(word) for word in words["text"].unique()}
    is_in = [
        bool(folded[word] & of_document[document])
        for word, document in zip(words["text"], words["doc_id"], strict=True)
    ]
    function_word = words["text"].map(lambda word: not folded[word])
    last = words["word"] + 1 == words["of_words"]
    return words.assign(
        before=before,
        taken=before - after,
        all="all",
        in_document=np.select(
            [function_word, np.array(is_in, bool)], ["function_word", "in_document"],
            "not_in_document",
        ),
        idf=_thirds(words["text"], folded, of_document),
        position=np.select(
            [words["of_words"] == 1, words["word"] == 0, last], ["only", "first", "last"], "middle"
        ),
        pieces=np.where(words["pieces"] == 1, "one", "several"),
    )  # fmt: skip


def _thirds(
    words: pd.Series, folded: dict[str, frozenset[str]], documents: dict[str, frozenset[str]]
) -> pd.Series:
    """Low, middle or high inverse document frequency, a third of the rows each; none for a function
    word. Of a word with a hyphen the rarest part counts."""
    counts = Counter(word for own in documents.values() for word in own)
    idf = {
        word: max(math.log(len(documents) / (counts[part] + 0.5)) for part in parts)
        for word, parts in folded.items()
        if parts
    }
    values = words.map(idf)
    low, high = np.nanquantile(values, [1 / 3, 2 / 3]) if values.notna().any() else (0, 0)
    names = np.select([values <= low, values <= high], ["low", "middle"], "high")
    return pd.Series(names, words.index).where(values.notna())


def _rows(places: list[pd.DataFrame], seed: int) -> list[dict[str, Any]]:
    """Those of each place together. They are made group by group, whose words are the same
    everywhere and so are the draws of their documents."""
    found: list[list[dict[str, Any]]] = [[] for _ in places]
    for kind, groups in KINDS.items():
        for group in groups:
            for rows, part in zip(found, places, strict=True):
                rows += _of_group(part, kind, group, seed)
        if kind in PAIRS:
            for rows, part in zip(found, places, strict=True):
                rows.append({"where": part["where"].iloc[0]} | _apart(part, kind, seed))
    return [row for rows in found for row in rows]


def _of_group(part: pd.DataFrame, kind: str, group: str, seed: int) -> Iterator[dict[str, Any]]:
    own = part[part[kind] == group]
    if own.empty:
        return
    names = {"where": part["where"].iloc[0], "kind": kind, "group": group}
    broken = mean_interval(own["vocabulary_rank"] > 1, own["doc_id"], seed).times(100)
    yield names | {"measure": BROKEN} | columns(broken)
    has = own[own["before"].notna()]
    lost = mean_ratio_interval(has["taken"], has["before"], has["doc_id"], seed)
    yield names | {"measure": LOST} | columns(lost)


def _apart(part: pd.DataFrame, kind: str, seed: int) -> dict[str, Any]:
    """The two groups of a kind within queries that have both."""
    first, second = PAIRS[kind]
    has = part[part["before"].notna()]
    means = has.groupby(["query_id", "doc_id", kind])["taken"].mean().unstack(kind)
    both = means.reindex(columns=[first, second]).dropna()
    documents = both.index.get_level_values("doc_id")
    found = paired_difference(both[first], both[second], documents, seed)
    names = {"kind": kind, "group": f"{first} - {second}", "measure": APART}
    return names | columns(found) | {"p": found.p}
