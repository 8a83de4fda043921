"""What components and heads add to the logit difference of the relevant document and its rival."""

from pathlib import Path

import pandas as pd

from genir.estimates.intervals import columns, mean_interval
from genir.estimates.ranks import read_ranks, views
from genir.files.io import read_parquet
from genir.tables.page import NO_RANK, Table, wide

COLUMNS = "model queries layer component head value low high n".split()
VIEWS = ("correct", "failed")


def make(files: dict[str, Path], clean: dict[str, Path], seed: int) -> Table:
    """Tabulate the mean of what every part of the residual stream adds to the logit difference of
    the relevant document and its rival, by model and view; head -1 is a whole component."""
    records = []
    for model, path in files.items():
        found = views(read_parquet(path), read_ranks(clean[model]), complete=False)
        for view in (view for view in VIEWS if view in found):
            cells = found[view].groupby(["layer", "component", "head"], sort=False)
            for (layer, component, head), rows in cells:
                names = {"model": model, "queries": view, "layer": layer, "component": component}
                interval = mean_interval(rows["logit_difference"], rows["doc_id"], seed)
                records.append(names | {"head": head} | columns(interval))
    frame = pd.DataFrame(records, columns=COLUMNS)
    return Table(frame, shown(frame), NO_RANK)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Whole components, a line for each model, view and layer."""
    whole = frame[frame["head"] == -1]
    return wide(whole, ["model", "queries", "layer", "n"], "component")
