"""Every measure by what training could have memorised of the query: generalised or not?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
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
from genir.tables.slice_measures import LOST, Analysed, Measure, Runs, of_model, of_retrieval

COLUMNS = "model kind slice table item measure queries value low high n p p_holm".split()
PAIRS = {
    "shared_word": ("yes", "no"),
    "nearest_query": ("high", "low"),
    "training_queries": ("high", "low"),
}
"""Two slices of each kind, compared."""
TESTED = (
    ("retrieval", "test", "hits_at_1"),
    ("patching_by_stage", "mean I mlp", LOST),
    ("patching_by_stage", "mean II cross_attention", LOST),
    ("patching_by_stage", "pretrained III mlp", LOST),
    ("circuit", "study", LOST),
    ("encoder_swap", "pretrained", "hits_at_1"),
    ("rank_development", "emergence", "layer"),
    ("signed_contributions", "mlp", "share_of_difference"),
    ("query_words", "all", LOST),
)
"""What is tested: one number of each question, chosen before any was computed by slice."""
NOTE = (
    "Retrieval by docid rank. Shown are the measures that are tested and Hits@10; the CSV beside this "
    "file has all. p: permutation test of the difference, Holm's correction over all of a model."
)
_RETRIEVED = ("retrieval", "test", "hits_at_10")


@dataclass(frozen=True)
class Sliced:
    """A dataset's slices (Parquet, written by query_slices), the runs of its systems, and what
    analyses wrote of its models."""

    slices: Path
    systems: list[Runs]
    models: list[Analysed]


def make(datasets: list[Sliced], seed: int) -> Table:
    """Split the measures of retrieval and of analyses by slices of the queries.

    Kinds of slices: shared_word, nearest_query, training_queries (see `query_slices`). A row for
    each system or model, slice and measure, with the n of the slice; and with slice "a - b" for the
    difference of two, whose interval follows from theirs (Zou and Donner 2008, MOVER). Those of
    TESTED have the p of a permutation test, and p_holm, corrected over all of a model. A slice
    without queries is left out.

    Args:
        datasets: the files, one entry a dataset.
    """
    records = []
    for files in datasets:
        slices = read_parquet(files.slices)
        measures = {
            runs.system: list(of_retrieval(runs, slices)) for runs in files.systems
        }
        for model in files.models:
            measures[model.model] += of_model(model)
        models = {model.model for model in files.models}
        for name, own in measures.items():
            tested = TESTED if name in models else ()
            rows = list(_rows(own, slices, tested, seed))
            adjusted = holm([row["p"] for row in rows])
            records += [
                {"model": name} | row | {"p_holm": p} for row, p in zip(rows, adjusted, strict=True)
            ]
    frame = pd.DataFrame(records, columns=COLUMNS)
    return Table(frame, shown(frame), MIXED_RANKS, NOTE)


def _rows(
    measures: Sequence[Measure],
    slices: pd.DataFrame,
    tested: Sequence[tuple[str, str, str]],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Slice by slice, so that measures of the same queries follow each other and share draws."""
    named = slices.set_index("query_id")
    in_order = sorted(measures, key=lambda measure: measure.queries)
    for measure in in_order:
        check_known(measure.frame["query_id"], named.index, "the file of query_slices")
    for kind, names in KINDS.items():
        of_query = [named.loc[m.frame["query_id"], kind].to_numpy() for m in in_order]
        intervals: dict[tuple[str, str, str], dict[str, Interval]] = {}
        for name in names:
            for measure, member in zip(in_order, of_query, strict=True):
                if not (member == name).any():
                    continue
                interval = measure.of(measure.frame[member == name], seed)
                intervals.setdefault(measure.name, {})[name] = interval
                yield _row(kind, name, measure, interval)
        first, second = PAIRS[kind]
        ps = _tests(in_order, of_query, PAIRS[kind], tested, seed)
        for measure in in_order:
            found = intervals.get(measure.name, {})
            if first in found and second in found:
                apart = change(found[second], found[first], found[first].n + found[second].n)
                yield _row(kind, f"{first} - {second}", measure, apart, ps.get(measure.name))


def _row(
    kind: str, name: str, measure: Measure, interval: Interval, p: float | None = None
) -> dict[str, Any]:
    places = {"kind": kind, "slice": name, "table": measure.table, "item": measure.item}
    places |= {"measure": measure.measure, "queries": measure.queries}
    return places | columns(interval) | {"p": math.nan if p is None else p}


def _tests(
    measures: Sequence[Measure],
    of_query: Sequence[np.ndarray],
    pair: tuple[str, str],
    tested: Sequence[tuple[str, str, str]],
    seed: int,
) -> dict[tuple[str, str, str], float]:
    """p of the difference between two slices, by measure; measures of the same queries share
    permutations."""
    found = {}
    chosen = [
        (measure, np.isin(member, pair), member)
        for measure, member in zip(measures, of_query, strict=True)
        if measure.name in tested
    ]

    def asked(one: tuple[Measure, np.ndarray, np.ndarray]) -> list[str]:
        measure, taken, _ = one
        return measure.frame.loc[taken, "query_id"].tolist()

    for _, same in groupby(sorted(chosen, key=asked), key=asked):
        together = list(same)
        _, taken, member = together[0]
        frames = [measure.frame[inside] for measure, inside, _ in together]
        grid = {name: np.stack([frame[name] for frame in frames]) for name in ("value", "weight")}
        ps = permutation_p(
            *grid.values(), member[taken] == pair[0], frames[0]["doc_id"], seed
        )
        found |= {measure.name: float(p) for (measure, *_), p in zip(together, ps, strict=True)}
    return found


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
            line = {"measure": " ".join(name)} | dict(
                zip(part["slice"][own], cells[own], strict=True)
            )
            lines.append(line | {"p (Holm)": p_value(part["p_holm"][own].max())})
        parts[f"{model}: {kind.replace('_', ' ')}"] = pd.DataFrame(lines).fillna("")
    return sections(parts)
