"""Retrieval quality of all systems."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.figures import style
from genir.figures.bars import grouped_bars

METRICS = ("hits_at_1", "hits_at_10")
SLICES = {
    "all": "all queries",
    "no_shared_word": "no word shared with the document",
    "not_verbatim": "not verbatim in any document",
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw Hits@1 and Hits@10 of all systems on the test queries; one row per dataset, one panel
    per slice. Systems without an interval (the study's) are left out."""
    rows = style.rows_of(table, split="test").dropna(subset=["low", "high"])
    style.require_rows(rows, "test queries")
    datasets, slices = style.distinct(rows["dataset"]), style.in_order(rows["slice"], SLICES)

    def panel(axes: Axes, dataset: str, name: str) -> None:
        part = style.rows_of(rows, dataset=dataset, slice=name)
        systems, colours = style.distinct(part["system"]), (style.PALETTE[0], style.PALETTE[9])
        grouped_bars(axes, part, ("system", systems), ("metric", METRICS), colours)
        axes.set_xticks(
            range(len(systems)), [style.label(s) for s in systems], rotation=40, ha="right"
        )
        counts = ", ".join(str(int(n)) for n in dict.fromkeys(part["n"]))
        axes.set_title(f"{dataset}: {SLICES.get(name, name)}\nn = {counts}")
        axes.set_ylim(0, 1)

    return style.panels(
        *(datasets, slices, panel),
        (1.5 + (1.2 + 0.55 * rows["system"].nunique()) * len(slices), 4.4 * len(datasets)),
        legend={"ncols": 2},
        label="share of test queries",
        sharey=True,
    )
