"""Ranks by the outputs of one kind of component alone (the study's section 5.2)."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.figures.bars import grouped_bars
from genir.figures.style import count_note, new_figure, require_rows, rows_of, theme

SOURCES = ("mlp", "cross_attention", "self_attention")
VIEWS = ("correct", "failed")
MEASURES = {
    "percent_not_first": "not first",
    "percent_ranked_2_to_10": "ranked 2 to 10",
    "percent_beyond_100": "beyond 100",
}


def direct_contribution_figure(table: pd.DataFrame) -> Figure:
    """Percent of queries in each class of vocabulary ranks; models as rows, views of the queries
    as columns, one group of bars per kind of component."""
    rows = rows_of(table, rank_kind="vocabulary")
    rows = rows[rows["queries"].isin(VIEWS) & rows["measure"].isin(MEASURES)]
    require_rows(rows, "vocabulary ranks of correct or failed queries")
    rows = rows.assign(measure=rows["measure"].map(MEASURES))
    models = list(dict.fromkeys(rows["model"]))
    with theme():
        figure = new_figure(10, 0.6 + 3.1 * len(models))
        grid = figure.subplots(len(models), len(VIEWS), sharey=True, squeeze=False)
        for line, model in zip(grid, models, strict=True):
            for axes, view in zip(line, VIEWS, strict=True):
                _panel(axes, rows_of(rows, model=model, queries=view), f"{model}, {view} queries")
            line[0].set_ylabel("% of queries")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    colours = sns.color_palette("colorblind")
    bars = ("measure", tuple(MEASURES.values()))
    chosen = [colours[7], colours[0], colours[3]]
    grouped_bars(axes, rows, ("source", SOURCES), bars, chosen)
    axes.set_title(f"{title}\n{count_note(rows['n'])}")
    axes.set_ylim(0, 102)
