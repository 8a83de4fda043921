"""Queries that the model answers beside those that it does not."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.components import STAGES
from genir.figures.bars import bar_positions
from genir.figures.style import (
    count_note,
    in_order,
    label,
    new_figure,
    require_rows,
    rows_of,
    theme,
)

VIEWS = {
    "correct": "correct",
    "ranked_2_to_10": "ranked 2 to 10",
    "ranked_below_10": "ranked below 10",
}
_PALETTE = sns.color_palette("colorblind")
COLOURS = dict(zip(VIEWS, (_PALETTE[2], _PALETTE[1], _PALETTE[3]), strict=True))
PATCHES = {
    f"mean {stage} {component}": f"{stage}\n{label(component)}"
    for stage in STAGES
    for component in ("cross_attention", "mlp")
}


def failed_queries_figure(
    table: pd.DataFrame, stages: Mapping[str, dict[str, Any]] | None = None
) -> Figure:
    """Median docid rank by layer, and change of Hits@1 by mean patching of a stage, by view of the
    queries; models as rows.

    `stages` are those of each model, as `read_stages` gives them; the title says their status.
    """
    require_rows(table, "any view of the queries")
    models = list(dict.fromkeys(table["model"]))
    with theme():
        figure = new_figure(12, 0.8 + 3.5 * len(models))
        grid = figure.subplots(len(models), 2, sharey="col", width_ratios=[1, 1.35], squeeze=False)
        for (ranks, patches), model in zip(grid, models, strict=True):
            rows = rows_of(table, model=model)
            _ranks(ranks, rows_of(rows, analysis="rank_development"))
            _patches(patches, rows_of(rows, measure="net_hits_at_1"))
            ranks.set_title(f"{model}: {_counts(rows)}")
            used = (stages or {}).get(model)
            origin = "" if used is None else f",\nstages {used['status']}"
            patches.set_title(f"{model}: the mean in place of a component in a stage{origin}")
        grid[0][0].invert_yaxis()
        handles, names = grid[0][1].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _counts(rows: pd.DataFrame) -> str:
    found = in_order(rows["queries"], VIEWS)
    notes = [f"{VIEWS[view]} ({count_note(rows_of(rows, queries=view)['n'])})" for view in found]
    return ",\n".join(filter(None, [notes[0], ", ".join(notes[1:])]))


def _ranks(axes: Axes, rows: pd.DataFrame) -> None:
    rows = rows.assign(layer=rows["item"].str.removeprefix("layer").astype(int))
    for view in in_order(rows["queries"], VIEWS):
        part, colour = rows_of(rows, queries=view).sort_values("layer"), COLOURS[view]
        axes.plot(part["layer"], part["value"], "o-", color=colour, markersize=5)
        axes.fill_between(part["layer"], part["low"], part["high"], color=colour, alpha=0.2, lw=0)
    axes.set_xticks(sorted(rows["layer"].unique()))
    axes.set_yscale("log")
    axes.set_xlabel("decoder layer")
    axes.set_ylabel("median docid rank of the relevant\ndocument (log scale, 1 = best)")


def _patches(axes: Axes, rows: pd.DataFrame) -> None:
    views = [view for view in VIEWS if view in set(rows["queries"])]
    axes.axhline(0, color="0.35", linewidth=1)
    for index, view in enumerate(views):
        points = rows_of(rows, queries=view).set_index("item").reindex(list(PATCHES))
        lengths = [points["value"] - points["low"], points["high"] - points["value"]]
        places = bar_positions(len(PATCHES), index, len(views), total=0.6)
        style = {"fmt": "o", "color": COLOURS[view], "markersize": 6, "capsize": 2}
        axes.errorbar(places, points["value"], lengths, **style, label=VIEWS[view])
    axes.set_xticks(range(len(PATCHES)), list(PATCHES.values()))
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("stage and component")
    axes.set_ylabel("change of Hits@1 from the\nunmodified model (points)")
