"""Heads among the largest sources of active Stage III neurons (section 5.3 of the study)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.components import ATTENTIONS, PATCHED_STAGES, STAGES
from genir.figures.bars import grouped_bars
from genir.figures.style import (
    PALETTE,
    chosen,
    count_note,
    distinct,
    label,
    panels,
    rows_of,
    stages_note,
)

MEASURES = {"percent_always": "for every query", "percent_ever": "for at least one query"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw how many heads are among the largest sources of Stage III neurons: bars per stage of the
    head over the correct queries; models as rows, kinds of attention as columns."""
    rows = chosen(table, "correct queries", queries="correct")
    rows = rows.assign(measure=rows["measure"].map(MEASURES))
    models, bars = distinct(rows["model"]), ("measure", list(MEASURES.values()))

    def panel(axes: Axes, model: str, component: str) -> None:
        part = rows_of(rows, model=model, component=component)
        grouped_bars(axes, part, ("stage", PATCHED_STAGES), bars, (PALETTE[0], PALETTE[9]))
        names = [*(f"Stage {stage}" for stage in STAGES), "all stages"]
        axes.set_xticks(range(len(names)), names)
        axes.set(xlabel="stage of the head", ylim=(0, 102))
        note = f"correct queries, {count_note(part['n'])} heads, {stages_note(part)}"
        axes.set_title(f"{model}: heads of {label(component)}\n{note}")

    return panels(
        *(models, ATTENTIONS, panel, (10, 0.6 + 3.1 * len(models))),
        legend={"ncols": 2},
        label="heads that count (%)",
        sharey=True,
    )
