"""Queries that the model answers beside those that it does not."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import STAGES
from genir.figures import style
from genir.figures.bars import bar_positions

VIEWS = {
    "correct": "correct",
    "ranked_2_to_10": "ranked 2 to 10",
    "ranked_below_10": "ranked below 10",
}
COLOURS = dict(zip(VIEWS, (style.PALETTE[2], style.PALETTE[1], style.PALETTE[3]), strict=True))
PATCHES = {
    f"mean {stage} {component}": f"{stage}\n{style.label(component)}"
    for stage in STAGES
    for component in ("cross_attention", "mlp")
}


def draw(table: pd.DataFrame, stages: Mapping[str, dict[str, Any]] | None = None) -> Figure:
    """Draw the median docid rank by layer, and the change of Hits@1 by mean patching of a stage,
    for queries the model answers and for those it does not; models as rows.

    `stages` are those of each model, as `read_stages` gives them; the title says their status.
    """
    models = style.distinct(style.chosen(table, "any view of the queries")["model"])

    def panel(axes: Axes, model: str, kind: str) -> None:
        rows = style.rows_of(table, model=model)
        if kind == "ranks":
            _ranks(axes, style.rows_of(rows, analysis="rank_development"))
            axes.set_title(f"{model}: {_counts(rows)}")
            return
        _patches(axes, style.rows_of(rows, measure="net_hits_at_1"))
        used = (stages or {}).get(model)
        origin = "" if used is None else f",\nstages {used['status']}"
        axes.set_title(f"{model}: the mean in place of a component in a stage{origin}")

    return style.panels(
        *(models, ("ranks", "patches"), panel, (12, 0.8 + 3.5 * len(models))),
        legend={"ncols": 3},
        explained=1,
        finish=lambda _, grid: grid[0][0].invert_yaxis(),
        sharey="col",
        width_ratios=[1, 1.35],
    )


def _counts(rows: pd.DataFrame) -> str:
    found = style.in_order(rows["queries"], VIEWS)
    notes = [
        f"{VIEWS[view]} ({style.count_note(style.rows_of(rows, queries=view)['n'])})"
        for view in found
    ]
    return ",\n".join(filter(None, [notes[0], ", ".join(notes[1:])]))


def _ranks(axes: Axes, rows: pd.DataFrame) -> None:
    rows = rows.assign(layer=rows["item"].str.removeprefix("layer").astype(int))
    for view in style.in_order(rows["queries"], VIEWS):
        style.banded_line(
            axes, style.rows_of(rows, queries=view), "o-", COLOURS[view], markersize=5
        )
    axes.set_xticks(sorted(rows["layer"].unique()))
    axes.set_yscale("log")
    axes.set_xlabel("decoder layer")
    axes.set_ylabel("median docid rank of the relevant\ndocument (log scale, 1 = best)")


def _patches(axes: Axes, rows: pd.DataFrame) -> None:
    views = [view for view in VIEWS if view in set(rows["queries"])]
    axes.axhline(0, color="0.35", linewidth=1)
    for index, view in enumerate(views):
        points = style.rows_of(rows, queries=view).set_index("item").reindex(list(PATCHES))
        lengths = [points["value"] - points["low"], points["high"] - points["value"]]
        places = bar_positions(len(PATCHES), index, len(views), total=0.6)
        form = {"fmt": "o", "color": COLOURS[view], "markersize": 6, "capsize": 2}
        axes.errorbar(places, points["value"], lengths, **form, label=VIEWS[view])
    axes.set_xticks(range(len(PATCHES)), list(PATCHES.values()))
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("stage and component")
    axes.set_ylabel("change of Hits@1 from the\nunmodified model (points)")
