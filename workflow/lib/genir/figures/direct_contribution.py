"""Ranks by the outputs of one kind of component alone (the study's section 5.2)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.figures.bars import grouped_bars
from genir.figures.style import PALETTE, count_note, distinct, panels, require_rows, rows_of
from genir.tables.direct_contribution import SOURCES

VIEWS = ("correct", "failed")
MEASURES = {
    "percent_not_first": "not first",
    "percent_ranked_2_to_10": "ranked 2 to 10",
    "percent_beyond_100": "beyond 100",
}


def draw(table: pd.DataFrame) -> Figure:
    """Draw the ranks by the outputs of one kind of component alone: percent of queries in each
    class of vocabulary ranks; models as rows, views of the queries as columns, one group of bars
    per kind of component."""
    rows = rows_of(table, rank_kind="vocabulary")
    rows = rows[rows["queries"].isin(VIEWS) & rows["measure"].isin(MEASURES)]
    require_rows(rows, "vocabulary ranks of correct or failed queries")
    rows = rows.assign(measure=rows["measure"].map(MEASURES))
    models, colours = distinct(rows["model"]), [PALETTE[number] for number in (7, 0, 3)]

    def panel(axes: Axes, model: str, view: str) -> None:
        part = rows_of(rows, model=model, queries=view)
        grouped_bars(axes, part, ("source", SOURCES), ("measure", list(MEASURES.values())), colours)
        axes.set_title(f"{model}, {view} queries\n{count_note(part['n'])}")
        axes.set_ylim(0, 102)

    return panels(
        *(models, VIEWS, panel, (10, 0.6 + 3.1 * len(models))),
        legend={"ncols": 3},
        label="% of queries",
        sharey=True,
    )
