"""Rank of the relevant document layer by layer (the study's Fig. 4)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.figures.style import (
    COMPONENT_COLOURS,
    count_note,
    label,
    new_figure,
    require_rows,
    rows_of,
    theme,
)

SOURCES = ("residual", "cross_attention", "mlp")
MEASURES = {
    "vocabulary_rank_median": ("relevant document (median)", "o", "-", "0.1"),
    "mean_docid_rank": ("docid tokens (mean)", "s", "--", COMPONENT_COLOURS["cross_attention"]),
    "mean_other_rank": ("other tokens (mean)", "^", ":", COMPONENT_COLOURS["mlp"]),
}


def rank_development_figure(table: pd.DataFrame) -> Figure:
    """Vocabulary ranks over the correct queries on a log scale, best on top; models as rows,
    sources of the logits as columns."""
    rows = rows_of(table, queries="correct")
    require_rows(rows, "correct queries")
    models = list(dict.fromkeys(rows["model"]))
    with theme():
        figure = new_figure(12.5, 0.8 + 3.2 * len(models))
        grid = figure.subplots(len(models), len(SOURCES), sharey="row", squeeze=False)
        for line, model in zip(grid, models, strict=True):
            for axes, source in zip(line, SOURCES, strict=True):
                part = rows_of(rows, model=model, source=source)
                _panel(axes, part)
                axes.set_title(
                    f"{model}: {label(source)}\ncorrect queries, {count_note(part['n'])}"
                )
            line[0].set_ylabel("vocabulary rank\n(log scale, 1 = best)")
            line[0].set_yscale("log")
            line[0].invert_yaxis()
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    for measure, (name, marker, line, colour) in MEASURES.items():
        part = rows_of(rows, measure=measure).sort_values("layer")
        style = {"marker": marker, "linestyle": line, "color": colour, "markersize": 5}
        axes.plot(part["layer"], part["value"], **style, label=name)
        axes.fill_between(part["layer"], part["low"], part["high"], color=colour, alpha=0.2, lw=0)
    axes.set_xticks(sorted(rows["layer"].unique()))
    axes.set_xlabel("decoder layer")
