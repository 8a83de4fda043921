"""Heads among the largest sources of active Stage III neurons (section 5.3 of the study)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from genir.analyses.used_stages import read_stages, stage_of_layers
from genir.base.names import ATTENTIONS, STAGES
from genir.estimates.intervals import columns, wilson
from genir.estimates.ranks import read_ranks, views
from genir.files.io import read_parquet
from genir.tables.page import NO_RANK, Table, wide

COLUMNS = "model queries component stage measure value low high n stages".split()
MEASURES = {"percent_always": "all", "percent_ever": "any"}


def make(files: dict[str, Path], clean: dict[str, Path], stages: dict[str, Path]) -> Table:
    """Tabulate the percent of heads that are among the largest sources of Stage III neurons for
    every query of a view, and for at least one, by model, component and stage of the head; the
    interval is over heads."""
    records = []
    for model, path in files.items():
        used = read_stages(stages[model])
        for view, frame in views(read_parquet(path), read_ranks(clean[model])).items():
            names = {"model": model, "queries": view, "stages": used["status"]}
            records += [names | row for row in _view_rows(frame, used["used"])]
    frame = pd.DataFrame(records, columns=COLUMNS)
    return Table(frame, shown(frame), NO_RANK)


def _view_rows(frame: pd.DataFrame, used: Mapping[str, Sequence[int]]) -> list[dict[str, Any]]:
    by_head = frame.groupby(["component", "layer", "head"])["counts"]
    heads = by_head.agg(list(MEASURES.values())).reset_index()
    stage_of = heads["layer"].map(stage_of_layers(used))
    rows = []
    for component in ATTENTIONS:
        for stage in (*STAGES, "all"):
            own = (heads["component"] == component) & ((stage_of == stage) | (stage == "all"))
            for measure, column in MEASURES.items():
                counted = heads.loc[own, column]
                names = {"component": component, "stage": stage, "measure": measure}
                interval = wilson(int(counted.sum()), len(counted)).times(100)
                rows.append(names | columns(interval))
    return rows


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per model, view, component and stage."""
    rows = ["model", "queries", "component", "stage", "stages", "n"]
    names = {"percent_always": "% for every query", "percent_ever": "% for at least one"}
    table = wide(frame.assign(measure=frame["measure"].map(names)), rows, "measure")
    return table.rename(columns={"n": "n heads"})
