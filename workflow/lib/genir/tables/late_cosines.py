"""Cosines of late outputs with those of Stage I's MLPs (section 5 of the study)."""

from pathlib import Path

import pandas as pd

from genir.analyses.used_stages import read_stages
from genir.estimates.intervals import columns, mean_interval
from genir.estimates.ranks import read_ranks, views
from genir.files.io import read_parquet
from genir.tables.page import NO_RANK, Table, wide

SUM = "sum"
_PAIR = ["layer", "component", "with_layer"]
COLUMNS = ["model", "queries", *_PAIR, "value", "low", "high", "n", "stages"]


def make(
    files: dict[str, Path], clean: dict[str, Path], stages: dict[str, Path], seed: int
) -> Table:
    """Tabulate the mean cosine of every pair of a late output and a Stage I MLP, or their sum, by
    model and view."""
    records = []
    for model, path in files.items():
        status = read_stages(stages[model])["status"]
        for view, frame in views(read_parquet(path), read_ranks(clean[model])).items():
            for (layer, component, other), part in frame.groupby(_PAIR, sort=False):
                pair = {"layer": layer, "component": component}
                pair["with_layer"] = SUM if other < 0 else str(other)
                interval = mean_interval(part["cosine"].to_numpy(float), part["doc_id"], seed)
                names = {"model": model, "queries": view, "stages": status} | pair
                records.append(names | columns(interval))
    frame = pd.DataFrame(records, columns=COLUMNS)
    return Table(frame, shown(frame), NO_RANK)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per model, view, layer and component."""
    others = frame["with_layer"].map(lambda name: "with their sum" if name == SUM else _mlp(name))
    rows = ["model", "queries", "layer", "component", "stages", "n"]
    return wide(frame.assign(with_layer=others), rows, "with_layer")


def _mlp(layer: str) -> str:
    return f"with the MLP of layer {layer}"
