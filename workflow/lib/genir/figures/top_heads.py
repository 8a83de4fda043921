"""Heads among the largest sources of active Stage III neurons (section 5.3 of the study)."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.components import ATTENTIONS, STAGES
from genir.figures.bars import grouped_bars
from genir.figures.style import count_note, label, new_figure, require_rows, rows_of, theme

MEASURES = {"percent_always": "for every query", "percent_ever": "for at least one query"}
_STAGES = (*STAGES, "all")


def top_heads_figure(table: pd.DataFrame) -> Figure:
    """Bars per stage of the head over the correct queries; models as rows, kinds of attention as
    columns."""
    rows = rows_of(table, queries="correct")
    require_rows(rows, "correct queries")
    models = list(dict.fromkeys(rows["model"]))
    with theme():
        figure = new_figure(10, 0.6 + 3.1 * len(models))
        grid = figure.subplots(len(models), len(ATTENTIONS), sharey=True, squeeze=False)
        for line, model in zip(grid, models, strict=True):
            for axes, component in zip(line, ATTENTIONS, strict=True):
                part = rows_of(rows, model=model, component=component)
                _panel(axes, part)
                origin = ", ".join(dict.fromkeys(part["stages"]))
                note = f"correct queries, {count_note(part['n'])} heads, stages {origin}"
                axes.set_title(f"{model}: heads of {label(component)}\n{note}")
            line[0].set_ylabel("heads that count (%)")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    named = rows.assign(measure=rows["measure"].map(MEASURES))
    colours = [sns.color_palette("colorblind")[index] for index in (0, 9)]
    grouped_bars(axes, named, ("stage", _STAGES), ("measure", list(MEASURES.values())), colours)
    axes.set_xticks(range(len(_STAGES)), [*(f"Stage {stage}" for stage in STAGES), "all stages"])
    axes.set(xlabel="stage of the head", ylim=(0, 102))
