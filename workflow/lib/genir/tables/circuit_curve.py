"""Circuits of every size in two numbers: CPR and CMD."""

from pathlib import Path

import pandas as pd

from genir.base.names import ABLATIONS
from genir.estimates.intervals import columns
from genir.tables.faithfulness import METRICS, NOTE, of_model
from genir.tables.page import VOCABULARY_RANK, Table, wide

COLUMNS = "model order ablation measure metric value low high n".split()


def make(files: dict[str, Path], seed: int) -> Table:
    """Tabulate CPR and CMD of every order of components, over the test queries that the model
    answers.

    Args:
        files: model -> the curves that circuit_curve wrote.
    """
    rows = [
        {"model": model} | place | {"measure": measure} | columns(interval)
        for model, path in files.items()
        for place, curve, _ in of_model(path, seed)
        for measure, interval in (("cpr", curve.cpr), ("cmd", curve.cmd))
    ]
    frame = pd.DataFrame(rows)[COLUMNS]
    return Table(frame, shown(frame), VOCABULARY_RANK.partition(";")[0], NOTE)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per model, ablation and order."""
    names = frame["measure"].str.upper() + " of " + frame["metric"].map(METRICS)
    rows = ["model", "ablation", "order"]
    table = wide(frame.assign(column=names), [*rows, "n"], "column")
    by_ablation = table["ablation"].map(ABLATIONS.index)
    return table.sort_values(by="ablation", key=lambda _: by_ablation, kind="stable").sort_values(
        by="model", kind="stable"
    )
