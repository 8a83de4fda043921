"""Contribution per layer and component (the study's Fig. 3)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.analyses.used_stages import boundaries
from genir.base.names import COMPONENTS
from genir.figures import style

MEASURES = {
    "ratio": "norm of output /\nnorm of the layer's change",
    "cosine_output": "cosine with\nlayer output",
}


def draw(table: pd.DataFrame, stages: Mapping[str, dict[str, Any]] | None = None) -> Figure:
    """Draw how much every component contributes to the residual stream: ratio and cosine per layer
    over the correct queries, each on one scale; one row per model.

    `stages` are those of each model, as `read_stages` gives them; their boundaries are drawn.
    """
    rows = style.chosen(table, "correct queries", queries="correct")
    models = style.distinct(rows["model"])

    def panel(axes: Axes, model: str, measure: str) -> None:
        used = (stages or {}).get(model)
        part = style.rows_of(rows, model=model, measure=measure)
        _lines(axes, part, [] if used is None else boundaries(used))
        axes.set_ylabel(MEASURES[measure])
        note = "" if used is None else f", stages {used['status']}"
        axes.set_title(f"{model}, correct queries, {style.count_note(part['n'])}{note}")

    def scale(_: Figure, grid: np.ndarray) -> None:
        grid[0][0].set_ylim(0, 1.03 * max(1, style.rows_of(rows, measure="ratio")["high"].max()))

    return style.panels(
        *(models, list(MEASURES), panel, (11, 0.6 + 3.1 * len(models))),
        legend={"ncols": 4},
        finish=scale,
        sharey="col",
    )


def _lines(axes: Axes, rows: pd.DataFrame, lines: list[float]) -> None:
    for component in COMPONENTS:
        part, colour = style.rows_of(rows, component=component), style.COMPONENT_COLOURS[component]
        style.banded_line(axes, part, "o-", colour, alpha=0.25, label=style.label(component))
    for index, place in enumerate(lines):
        name = "stage boundary" if index == 0 else None
        axes.axvline(place, color="0.35", linestyle="--", linewidth=1.2, label=name)
    axes.set_xticks(sorted(rows["layer"].unique()))
    axes.set_xlabel("decoder layer")
