"""Rank of the relevant document layer by layer (the study's Fig. 4)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.figures import style

SOURCES = ("residual", "cross_attention", "mlp")
MEASURES = {
    "vocabulary_rank_median": ("relevant document (median)", "o-", "0.1"),
    "mean_docid_rank": ("docid tokens (mean)", "s--", style.COMPONENT_COLOURS["cross_attention"]),
    "mean_other_rank": ("other tokens (mean)", "^:", style.COMPONENT_COLOURS["mlp"]),
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw the rank of the relevant document layer by layer: vocabulary ranks over the correct
    queries on a log scale, best on top; models as rows, sources of the logits as columns."""
    rows = style.chosen(table, "correct queries", queries="correct")
    models = style.distinct(rows["model"])

    def panel(axes: Axes, model: str, source: str) -> None:
        part = style.rows_of(rows, model=model, source=source)
        for measure, (name, form, colour) in MEASURES.items():
            own = style.rows_of(part, measure=measure)
            style.banded_line(axes, own, form, colour, markersize=5, label=name)
        axes.set_xticks(sorted(part["layer"].unique()))
        axes.set_xlabel("decoder layer")
        axes.set_title(
            f"{model}: {style.label(source)}\ncorrect queries, {style.count_note(part['n'])}"
        )

    def best_on_top(_: Figure, grid: np.ndarray) -> None:
        for axes in grid[:, 0]:
            axes.set_yscale("log")
            axes.invert_yaxis()

    return style.panels(
        *(models, SOURCES, panel, (12.5, 0.8 + 3.2 * len(models))),
        legend={"ncols": 3},
        label="vocabulary rank\n(log scale, 1 = best)",
        finish=best_on_top,
        sharey="row",
    )
