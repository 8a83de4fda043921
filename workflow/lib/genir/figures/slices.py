"""Retrieval and effects of patches by what training could have memorised of a query."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.corpora.query_slices import KINDS
from genir.figures.bars import grouped_bars
from genir.figures.style import chosen, distinct, in_order, panels, rows_of, shades
from genir.tables.slice_measures import LOST
from genir.tables.slices import TESTED

TITLES = {
    "shared_word": "content word shared\nwith the document",
    "nearest_query": "overlap with the\nnearest training query",
    "training_queries": "training queries\nof the document",
    "shared_with": "content word\nshared with",
}
LABELS = {
    ("patching_by_stage", "mean I mlp"): "I MLP,\nmean",
    ("patching_by_stage", "mean II cross_attention"): "II cross-att.,\nmean",
    ("patching_by_stage", "pretrained III mlp"): "III MLP,\npre-trained",
    ("circuit", "study"): "study's\ncircuit",
    ("query_words", "all"): "a word less",
}
RETRIEVAL = "Hits@1, test queries"
FEW = 5
"""Slices of fewer queries are not drawn: one query would decide the scale."""


def draw(table: pd.DataFrame) -> Figure:
    """Draw Hits@1 of the test queries by system, and the logit difference lost by model, a row for
    each kind of slices, a bar for each slice."""
    rows = chosen(table[~table["slice"].str.contains(" - ") & (table["n"] >= FEW)], "slices")
    lost = [(name, item) for name, item, measure in TESTED if measure == LOST]
    own = rows[rows["measure"].eq(LOST) & pd.Series(
        [pair in lost for pair in zip(rows["table"], rows["item"], strict=True)], rows.index
    )]  # fmt: skip
    own = own.assign(group=[LABELS[pair] for pair in zip(own["table"], own["item"], strict=True)])
    hits = rows_of(rows[rows["table"] == "retrieval"], measure="hits_at_1")
    kinds = in_order(rows["kind"], KINDS)
    models = distinct(own["model"])

    def panel(axes: Axes, kind: str, column: str) -> None:
        slices = [name for name in KINDS[kind] if (rows_of(rows, kind=kind)["slice"] == name).any()]
        if column == RETRIEVAL:
            part, groups = rows_of(hits, kind=kind), ("model", distinct(hits["model"]))
            axes.set(ylim=(0, 1.2), yticks=[0, 0.2, 0.4, 0.6, 0.8, 1])
        else:
            part = rows_of(own, kind=kind, model=column)
            if part.empty:
                axes.set_axis_off()
                return
            groups = ("group", in_order(part["group"], LABELS.values()))
            axes.axhline(0, color="0.4", lw=0.8)
            reach = part[["low", "value", "high"]].to_numpy()
            axes.set_ylim(max(-1.5, np.nanmin(reach) - 0.05), min(2.5, np.nanmax(reach) + 0.05))
        grouped_bars(axes, part, groups, ("slice", slices), shades("viridis", len(slices)))
        axes.tick_params(axis="x", labelsize=7.5)
        counts = part.groupby("slice")["n"].max()
        sizes = ", ".join(f"{name} {int(counts[name])}" for name in slices if name in counts)
        what = column if column == RETRIEVAL else f"{column}: logit difference lost"
        axes.set_title(f"{what}\nn: {sizes}", fontsize=9)
        if column == RETRIEVAL:
            axes.set_ylabel(TITLES[kind])
            axes.legend(fontsize=7, frameon=False, ncols=4, loc="upper center")

    size = (4.6 * (1 + len(models)), 2.9 * len(kinds))
    return panels(kinds, [RETRIEVAL, *models], panel, size)
