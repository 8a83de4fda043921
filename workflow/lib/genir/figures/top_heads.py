"""Heads among the largest sources of active Stage III neurons (section 5.3 of the study)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import ATTENTIONS, PATCHED_STAGES, STAGES
from genir.figures import style
from genir.figures.bars import grouped_bars

MEASURES = {"percent_always": "for every query", "percent_ever": "for at least one query"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw how many heads are among the largest sources of Stage III neurons: bars per stage of the
    head over the correct queries; models as rows, kinds of attention as columns."""
    rows = style.chosen(table, "correct queries", queries="correct")
    rows = rows.assign(measure=rows["measure"].map(MEASURES))
    models, bars = style.distinct(rows["model"]), ("measure", list(MEASURES.values()))

    def panel(axes: Axes, model: str, component: str) -> None:
        part = style.rows_of(rows, model=model, component=component)
        grouped_bars(
            axes, part, ("stage", PATCHED_STAGES), bars, (style.PALETTE[0], style.PALETTE[9])
        )
        names = [*(f"Stage {stage}" for stage in STAGES), "all stages"]
        axes.set_xticks(range(len(names)), names)
        axes.set(xlabel="stage of the head", ylim=(0, 102))
        note = f"correct queries, {style.count_note(part['n'])} heads, {style.stages_note(part)}"
        axes.set_title(f"{model}: heads of {style.label(component)}\n{note}")

    return style.panels(
        *(models, ATTENTIONS, panel, (10, 0.6 + 3.1 * len(models))),
        legend={"ncols": 2},
        label="heads that count (%)",
        sharey=True,
    )
