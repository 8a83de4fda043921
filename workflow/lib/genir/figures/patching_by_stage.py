"""Patching by stage (the study's Table 3)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.components import COMPONENTS, METHODS, PATCHED_STAGES
from genir.figures.bars import bar_positions, grouped_bars
from genir.figures.style import (
    COMPONENT_COLOURS,
    count_note,
    in_order,
    label,
    new_figure,
    require_rows,
    rows_of,
    theme,
)

PAPER = "T5-large, NQ10k (paper)"


def patching_by_stage_figure(table: pd.DataFrame) -> Figure:
    """Bars per stage and component with the study's value as a hollow marker; models as rows,
    methods as columns."""
    rows = rows_of(table, rank_kind="vocabulary")
    require_rows(rows, "vocabulary ranks")
    models, methods = list(dict.fromkeys(rows["model"])), in_order(rows["method"], METHODS)
    with theme():
        figure = new_figure(1.0 + 4.7 * len(methods), 0.8 + 3.3 * len(models))
        grid = figure.subplots(len(models), len(methods), sharey=True, squeeze=False)
        for line, model in zip(grid, models, strict=True):
            for axes, method in zip(line, methods, strict=True):
                _panel(axes, rows_of(rows, model=model, method=method), model, method)
            line[0].set_ylabel("no longer first\n(% of correct queries)")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, model: str, method: str) -> None:
    if rows.empty:
        axes.set_title(f"{model}: {label(method)}\nnot defined")
        axes.set_xticks([])
        return
    colours = [COMPONENT_COLOURS[name] for name in COMPONENTS]
    bars = ("component", COMPONENTS)
    grouped_bars(axes, rows, ("stage", PATCHED_STAGES), bars, colours, value="broken_percent")
    _paper_markers(axes, rows)
    names = [_stage_label(rows, stage) for stage in PATCHED_STAGES]
    axes.set_xticks(range(len(PATCHED_STAGES)), names)
    origin = ", ".join(dict.fromkeys(rows["stages"]))
    axes.set_title(f"{model}: {label(method)}\n{count_note(rows['n'])}, stages {origin}")
    axes.set_ylim(0, 102)


def _paper_markers(axes: Axes, rows: pd.DataFrame) -> None:
    given = rows.dropna(subset="paper")
    positions = [
        bar_positions(len(PATCHED_STAGES), COMPONENTS.index(row.component), len(COMPONENTS))[
            PATCHED_STAGES.index(row.stage)
        ]
        for row in given.itertuples()
    ]
    style = {"facecolors": "none", "edgecolors": "black", "marker": "D", "s": 34, "zorder": 5}
    axes.scatter(positions, given["paper"], **style, clip_on=False, label=PAPER)


def _stage_label(rows: pd.DataFrame, stage: str) -> str:
    layers = dict.fromkeys(rows_of(rows, stage=stage)["stage_layers"])
    title = "all layers" if stage == "all" else f"Stage {stage}"
    return "\n".join([title, *(f"layers {name}" for name in layers)])
