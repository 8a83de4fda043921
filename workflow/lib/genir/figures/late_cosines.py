"""Cosines of late outputs with those of Stage I's MLPs (section 5 of the study)."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.components import COMPONENTS
from genir.figures.style import count_note, label, new_figure, require_rows, rows_of, theme

SUM = "sum"


def late_cosines_figure(table: pd.DataFrame) -> Figure:
    """A line per Stage I MLP and one for their sum by late layer, over the correct queries; models
    as rows, late components as columns."""
    rows = rows_of(table, queries="correct")
    rows = rows.assign(with_layer=rows["with_layer"].astype(str))
    require_rows(rows, "correct queries")
    models = list(dict.fromkeys(rows["model"]))
    others = sorted(set(rows["with_layer"]), key=lambda name: (name == SUM, len(name), name))
    with theme():
        figure = new_figure(12, 0.8 + 3.1 * len(models))
        grid = figure.subplots(len(models), len(COMPONENTS), sharey=True, squeeze=False)
        for line, model in zip(grid, models, strict=True):
            for axes, component in zip(line, COMPONENTS, strict=True):
                part = rows_of(rows, model=model, component=component)
                _panel(axes, part, others)
                origin = ", ".join(dict.fromkeys(part["stages"]))
                note = f"correct queries, {count_note(part['n'])}, stages {origin}"
                axes.set_title(f"{model}: {label(component)}\n{note}")
            line[0].set_ylabel("cosine with\nStage I's MLPs")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, others: list[str]) -> None:
    colours = sns.color_palette("viridis", len(others))
    axes.axhline(0, color="0.5", linewidth=1)
    for index, other in enumerate(others):
        part = rows_of(rows, with_layer=other).sort_values("layer")
        name = "sum of these MLPs" if other == SUM else f"MLP of layer {other}"
        colour, style = ("black", "s--") if other == SUM else (colours[index], "o-")
        axes.plot(part["layer"], part["value"], style, color=colour, markersize=5, label=name)
        axes.fill_between(part["layer"], part["low"], part["high"], color=colour, alpha=0.2, lw=0)
    axes.set_xticks(sorted(rows["layer"].unique()))
    axes.set(xlabel="decoder layer of the late output", ylim=(-1.02, 1.02))
