"""Every measure by what training could have memorised of the query: generalised or not?"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genir.base.joins import check_known
from genir.corpora.query_slices import KINDS
from genir.estimates.intervals import Interval, columns
from genir.estimates.paired_tests import holm
from genir.estimates.trend import change
from genir.estimates.unpaired_tests import permutation_p
from genir.files.io import read_parquet
from genir.tables.page import MIXED_RANKS, Table, p_value, sections, with_interval
from genir.tables.slice_measures import LOST, Analysed, Baseline, Measure, of_baseline, of_model

COLUMNS = "model kind slice table item measure queries value low high n p p_holm".split()
PAIRS = {
    "shared_word": ("yes", "no"),
    "nearest_query": ("high", "low"),
    "training_queries": ("high", "low"),
    "shared_with": ("query", "neither"),
}
"""Two slices of each kind, compared."""
UNTESTED = "shared_with"
"""This kind was thought of when the others had been looked at: differences, but no tests."""
TESTED = (
    ("retrieval", "", "hits_at_1"),
    ("patching_by_stage", "mean I mlp", LOST),
    ("patching_by_stage", "mean II cross_attention", LOST),
    ("patching_by_stage", "pretrained III mlp", LOST),
    ("circuit", "study", LOST),
    ("encoder_swap", "pretrained", "hits_at_1"),
    ("rank_development", "emergence", "layer"),
    ("signed_contributions", "mlp", "share_of_difference"),
    ("query_words", "all", LOST),
)
"""What is tested: one number of each question, chosen before this table was first made."""
NOTE = (
    "Retrieval by docid rank. Shown are the measures that are tested and Hits@10; the CSV beside "
    "this file has all. p: permutation test of the difference, Holm's correction over all of a "
    "model."
)
_RETRIEVED = ("retrieval", "", "hits_at_10")


@dataclass(frozen=True)
class Sliced:
    """A dataset's slices (Parquet, written by query_slices), the runs of its baselines, and what
    analyses wrote of its models."""

    slices: Path
    baselines: list[Baseline]
    models: list[Analysed]


@dataclass(frozen=True)
class Asked:
    """Measures of the same queries, their values and weights `[measure, query]`, the document of
    each query as a number `[query]`, and by kind the slice of each `[query]`."""

    measures: list[Measure]
    values: np.ndarray
    weights: np.ndarray
    documents: np.ndarray
    slices: dict[str, np.ndarray]


def make(datasets: list[Sliced], seed: int) -> Table:
    """Split the measures of retrieval and of analyses by slices of the queries.

    Kinds of slices: those of `query_slices`. A row for each model or baseline, slice and measure,
    with the n of the slice; and with slice "a - b" for the difference of two that have at least two
    documents each, whose interval follows from theirs (Zou and Donner 2008, MOVER). Those of TESTED
    have the p of a permutation test, but for the kind UNTESTED, and p_holm, corrected over all of a
    model. A slice without queries is left out.

    Args:
        datasets: the files, one entry a dataset.
    """
    records = []
    for files in datasets:
        slices = read_parquet(files.slices)
        tested = slices[slices["split"] == "test"]
        for model in files.models:
            records += _records(model.model, of_model(model), TESTED, slices, seed)
        for baseline in files.baselines:
            records += _records(baseline.name, of_baseline(baseline, tested), (), slices, seed)
    frame = pd.DataFrame(records, columns=COLUMNS)
    return Table(frame, shown(frame), MIXED_RANKS, NOTE)


def _records(
    model: str,
    measures: Iterable[Measure],
    tested: Sequence[tuple[str, str, str]],
    slices: pd.DataFrame,
    seed: int,
) -> list[dict[str, Any]]:
    rows = [
        row
        for asked in _together(measures, slices)
        for kind in KINDS
        for row in _rows(asked, kind, tested, seed)
    ]
    adjusted = holm([row["p"] for row in rows])
    return [{"model": model} | row | {"p_holm": p} for row, p in zip(rows, adjusted, strict=True)]


def _together(measures: Iterable[Measure], slices: pd.DataFrame) -> Iterator[Asked]:
    """Measures of the same queries, which so share draws."""
    found: dict[tuple[str, ...], list[Measure]] = {}
    for measure in measures:
        found.setdefault(tuple(measure.frame["query_id"]), []).append(measure)
    known = slices.set_index("query_id")
    for queries, same in found.items():
        check_known(queries, known.index, "the file of query_slices")
        own = known.loc[list(queries)]
        codes, _ = pd.factorize(same[0].frame["doc_id"], sort=True)
        numbers = (np.stack([m.frame[name] for m in same]) for name in ("value", "weight"))
        yield Asked(same, *numbers, codes, {kind: own[kind].to_numpy() for kind in KINDS})


def _rows(
    asked: Asked, kind: str, tested: Sequence[tuple[str, str, str]], seed: int
) -> Iterator[dict[str, Any]]:
    first, second = PAIRS[kind]
    intervals: dict[str, list[Interval]] = {}
    for name in KINDS[kind]:
        member = asked.slices[kind] == name
        if member.any():
            intervals[name] = _intervals(asked, member, seed)
    for name, found in intervals.items():
        for measure, interval in zip(asked.measures, found, strict=True):
            yield _row(kind, name, measure, interval)
    if first not in intervals or second not in intervals:
        return
    ps = {} if kind == UNTESTED else _tests(asked, kind, tested, seed)
    pairs = zip(asked.measures, intervals[first], intervals[second], strict=True)
    for measure, of_first, of_second in pairs:
        apart = change(of_second, of_first, of_first.n + of_second.n)
        if not math.isnan(apart.low + apart.high):
            yield _row(kind, f"{first} - {second}", measure, apart, ps.get(measure.name, math.nan))


def _intervals(asked: Asked, member: np.ndarray, seed: int) -> list[Interval]:
    """Of every measure over some of the queries."""
    documents = asked.documents[member]
    rows = zip(asked.measures, asked.values[:, member], asked.weights[:, member], strict=True)
    return [
        measure.estimate(value, weight, documents, seed).times(measure.scale)
        for measure, value, weight in rows
    ]


def _row(
    kind: str, name: str, measure: Measure, interval: Interval, p: float = math.nan
) -> dict[str, Any]:
    places = {"kind": kind, "slice": name, "table": measure.table, "item": measure.item}
    places |= {"measure": measure.measure, "queries": measure.queries}
    return places | columns(interval) | {"p": p}


def _tests(
    asked: Asked, kind: str, tested: Sequence[tuple[str, str, str]], seed: int
) -> dict[tuple[str, str, str], float]:
    """p of the difference between two slices, by measure."""
    chosen = [at for at, measure in enumerate(asked.measures) if measure.name in tested]
    if not chosen:
        return {}
    taken = np.isin(asked.slices[kind], PAIRS[kind])
    first = asked.slices[kind][taken] == PAIRS[kind][0]
    numbers = (grid[chosen][:, taken] for grid in (asked.values, asked.weights))
    ps = permutation_p(*numbers, first, asked.documents[taken], seed)
    return {asked.measures[at].name: float(p) for at, p in zip(chosen, ps, strict=True)}


def shown(frame: pd.DataFrame) -> str:
    """What is tested and Hits@10, a table for each model and kind, a column for each slice."""
    wanted = [*TESTED[:1], _RETRIEVED, *TESTED[1:]]
    parts = {}
    for (model, kind), part in frame.groupby(["model", "kind"], sort=False):
        names = list(zip(part["table"], part["item"], part["measure"], strict=True))
        cells = with_interval(part) + ", n " + part["n"].astype(str)
        lines = []
        for name in (name for name in wanted if name in names):
            own = [place == name for place in names]
            line = {"measure": " ".join(filter(None, name))} | dict(
                zip(part["slice"][own], cells[own], strict=True)
            )
            lines.append(line | {"p (Holm)": p_value(part["p_holm"][own].max())})
        parts[f"{model}: {kind.replace('_', ' ')}"] = pd.DataFrame(lines).fillna("")
    return sections(parts)
