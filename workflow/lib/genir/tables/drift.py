"""How far fine-tuning moved the weights from where they started."""

import math
from pathlib import Path

import numpy as np
import pandas as pd

from genir.files.io import read_parquet
from genir.tables.page import NO_RANK, Table

COLUMNS = "model start stack layer component value n".split()
NOTE = (
    "n is the number of weights. A property of this one training, not an estimate from queries: "
    "no interval."
)


def make(files: dict[str, Path]) -> Table:
    """Tabulate the relative change of the weights, norm(W - W0) / norm(W0), by model, stack, layer
    and component, all matrices of a component taken together."""
    parts = [_rows(read_parquet(path)).assign(model=model) for model, path in files.items()]
    frame = pd.concat(parts, ignore_index=True)[COLUMNS]
    return Table(frame, shown(frame), NO_RANK, NOTE)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per model, stack and layer; what is of no layer at the end of its stack."""
    lines: dict[tuple, dict[str, float]] = {}
    keys = frame[["model", "start", "stack", "layer"]].astype({"layer": object})
    for key, name, value in zip(
        keys.itertuples(index=False, name=None), frame["component"], frame["value"], strict=True
    ):
        lines.setdefault(key, {})[name] = value
    records = [dict(zip(keys, key, strict=True)) | cells for key, cells in lines.items()]
    return pd.DataFrame(records, columns=[*keys, *dict.fromkeys(frame["component"])])


def _rows(matrices: pd.DataFrame) -> pd.DataFrame:
    rows = []
    places = ["start", "stack", "layer", "component"]
    for place, part in matrices.groupby(places, sort=False):
        change, start = (math.hypot(*part[name]) for name in ("change_norm", "start_norm"))
        value = change / start if start else np.nan
        rows.append((*place, value, int(part["weights"].sum())))
    frame = pd.DataFrame(rows, columns=[*places, "value", "n"])
    layer = frame["layer"].where(frame["layer"] >= 0)
    return frame.assign(layer=layer.astype("Int64"))
