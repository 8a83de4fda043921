"""Contribution of every component to the residual stream (the study's Fig. 3)."""

from pathlib import Path

import pandas as pd

from genir.estimates.intervals import columns, mean_interval
from genir.estimates.ranks import read_ranks, views
from genir.files.io import read_parquet
from genir.tables.page import NO_RANK, Table, wide

MEASURES = ("ratio", "cosine_input", "cosine_output")
COLUMNS = "model queries layer component measure value low high n".split()


def make(files: dict[str, Path], clean: dict[str, Path], seed: int) -> Table:
    """Tabulate how much every component contributes to the residual stream: means over each view
    of the queries, by model, layer, component and measure."""
    records = []
    for model, path in files.items():
        ranks = read_ranks(clean[model])
        for view, frame in views(read_parquet(path), ranks).items():
            names = {"model": model, "queries": view}
            records += [names | row for row in _view_rows(frame, seed)]
    frame = pd.DataFrame(records, columns=COLUMNS)
    return Table(frame, shown(frame), NO_RANK)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per model, view, layer and component."""
    return wide(frame, ["model", "queries", "layer", "component", "n"], "measure")


def _view_rows(frame: pd.DataFrame, seed: int) -> list[dict]:
    rows = []
    for (layer, component), part in frame.groupby(["layer", "component"], sort=False):
        for measure in MEASURES:
            values, clusters = part[measure].to_numpy(float), part["doc_id"].to_numpy()
            names = {"layer": layer, "component": component, "measure": measure}
            rows.append(names | columns(mean_interval(values, clusters, seed)))
    return rows
