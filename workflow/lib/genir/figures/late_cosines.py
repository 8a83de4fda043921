"""Cosines of late outputs with those of Stage I's MLPs (section 5 of the study)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import COMPONENTS
from genir.figures import style
from genir.tables.late_cosines import SUM


def draw(table: pd.DataFrame) -> Figure:
    """Draw the cosines of late outputs with Stage I's MLPs: a line per Stage I MLP and one for
    their sum by late layer, over the correct queries; models as rows, late components as columns.
    """
    rows = style.chosen(table, "correct queries", queries="correct")
    rows = rows.assign(with_layer=rows["with_layer"].astype(str))
    models = style.distinct(rows["model"])
    others = sorted(set(rows["with_layer"]), key=lambda name: (name == SUM, len(name), name))

    def panel(axes: Axes, model: str, component: str) -> None:
        part = style.rows_of(rows, model=model, component=component)
        _lines(axes, part, others)
        note = f"correct queries, {style.count_note(part['n'])}, {style.stages_note(part)}"
        axes.set_title(f"{model}: {style.label(component)}\n{note}")

    return style.panels(
        *(models, COMPONENTS, panel, (12, 0.8 + 3.1 * len(models))),
        legend={"ncols": 4},
        label="cosine with\nStage I's MLPs",
        sharey=True,
    )


def _lines(axes: Axes, rows: pd.DataFrame, others: list[str]) -> None:
    colours = style.shades("viridis", len(others))
    axes.axhline(0, color="0.5", linewidth=1)
    for index, other in enumerate(others):
        name = "sum of these MLPs" if other == SUM else f"MLP of layer {other}"
        colour, form = ("black", "s--") if other == SUM else (colours[index], "o-")
        part = style.rows_of(rows, with_layer=other)
        style.banded_line(axes, part, form, colour, markersize=5, label=name)
    axes.set_xticks(sorted(rows["layer"].unique()))
    axes.set(xlabel="decoder layer of the late output", ylim=(-1.02, 1.02))
