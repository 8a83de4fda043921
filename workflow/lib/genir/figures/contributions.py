"""Contribution per layer and component (the study's Fig. 3)."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.components import COMPONENTS
from genir.figures.style import (
    COMPONENT_COLOURS,
    count_note,
    label,
    new_figure,
    require_rows,
    rows_of,
    theme,
)
from genir.tables.stages import boundaries

MEASURES = {
    "ratio": "norm of output /\nnorm of the layer's change",
    "cosine_output": "cosine with\nlayer output",
}


def contributions_figure(
    table: pd.DataFrame, stages: Mapping[str, dict[str, Any]] | None = None
) -> Figure:
    """Ratio and cosine per layer over the correct queries, each on one scale; one row per model.

    `stages` are those of each model, as `read_stages` gives them; their boundaries are drawn.
    """
    rows = rows_of(table, queries="correct")
    require_rows(rows, "correct queries")
    models = list(dict.fromkeys(rows["model"]))
    with theme():
        figure = new_figure(11, 0.6 + 3.1 * len(models))
        grid = figure.subplots(len(models), len(MEASURES), sharey="col", squeeze=False)
        for line, model in zip(grid, models, strict=True):
            used = (stages or {}).get(model)
            lines, origin = ([], "") if used is None else (boundaries(used), used["status"])
            for axes, measure in zip(line, MEASURES, strict=True):
                part = rows_of(rows, model=model, measure=measure)
                _panel(axes, part, lines)
                axes.set_ylabel(MEASURES[measure])
                note = f", stages {origin}" if origin else ""
                axes.set_title(f"{model}, correct queries, {count_note(part['n'])}{note}")
        grid[0][0].set_ylim(0, 1.03 * max(1, rows_of(rows, measure="ratio")["high"].max()))
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, lines: list[float]) -> None:
    for component in COMPONENTS:
        part = rows_of(rows, component=component).sort_values("layer")
        colour = COMPONENT_COLOURS[component]
        axes.plot(part["layer"], part["value"], "o-", color=colour, label=label(component))
        axes.fill_between(part["layer"], part["low"], part["high"], color=colour, alpha=0.25, lw=0)
    for index, place in enumerate(lines):
        name = "stage boundary" if index == 0 else None
        axes.axvline(place, color="0.35", linestyle="--", linewidth=1.2, label=name)
    axes.set_xticks(sorted(rows["layer"].unique()))
    axes.set_xlabel("decoder layer")
