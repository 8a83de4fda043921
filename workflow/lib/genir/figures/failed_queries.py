"""Queries that the model answers beside those that it does not."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.figures.bars import grouped_bars
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
STYLES = {"cross_attention": "o-", "mlp": "s--"}
UNMODIFIED = "unmodified"
PATCHES = [UNMODIFIED] + [
    f"mean {stage} {component}"
    for stage in ("I", "II", "III")
    for component in ("cross_attention", "mlp")
]
SOURCES = [f"all {name} -> III mlp" for name in ("embedding", "self_attention")]
SOURCES += [f"all {name} -> III mlp" for name in ("cross_attention", "mlp")]


def failed_queries_figure(table: pd.DataFrame) -> Figure:
    """Contribution ratios and median docid rank by layer, reciprocal rank after mean patching, and
    the sources of Stage III MLPs, by view of the queries; models as rows."""
    require_rows(table, "any view of the queries")
    models = list(dict.fromkeys(table["model"]))
    with theme():
        figure = new_figure(19, 0.8 + 3.9 * len(models))
        grid = figure.subplots(len(models), 4, squeeze=False)
        for line, model in zip(grid, models, strict=True):
            rows = rows_of(table, model=model)
            _ratios(line[0], rows_of(rows, analysis="contributions"))
            _ranks(line[1], rows_of(rows, analysis="rank_development"))
            _patches(line[2], rows_of(rows, measure="mrr"))
            _sources(line[3], rows_of(rows, analysis="communication"))
            line[0].set_title(f"{model}: {_counts(rows)}", loc="left")
        handles, names = grid[0][2].get_legend_handles_labels()
        names = [VIEWS.get(name, name) for name in names]
        figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _counts(rows: pd.DataFrame) -> str:
    found = in_order(rows["queries"], VIEWS)
    notes = {view: count_note(rows_of(rows, queries=view)["n"]) for view in found}
    return ", ".join(f"{VIEWS[view]} ({note})" for view, note in notes.items())


def _ratios(axes: Axes, rows: pd.DataFrame) -> None:
    places = rows["item"].str.extract(r"layer(?P<layer>\d+) (?P<component>\w+)")
    rows = rows.assign(layer=places["layer"].astype(int), component=places["component"])
    for component, style in STYLES.items():
        _lines(axes, rows_of(rows, component=component), style)
        axes.plot([], [], style, color="0.3", label=label(component))
    axes.legend(loc="best", frameon=False, fontsize=8)
    axes.set_ylabel("norm of output /\nnorm of the layer's change")


def _ranks(axes: Axes, rows: pd.DataFrame) -> None:
    layers = rows["item"].str.removeprefix("layer").astype(int)
    _lines(axes, rows.assign(layer=layers), "o-")
    axes.set_yscale("log")
    axes.invert_yaxis()
    axes.set_ylabel("median docid rank of the relevant\ndocument (log scale, 1 = best)")


def _lines(axes: Axes, rows: pd.DataFrame, style: str) -> None:
    for view in in_order(rows["queries"], VIEWS):
        part, colour = rows_of(rows, queries=view).sort_values("layer"), COLOURS[view]
        axes.plot(part["layer"], part["value"], style, color=colour, markersize=5)
        axes.fill_between(part["layer"], part["low"], part["high"], color=colour, alpha=0.2, lw=0)
    axes.set_xticks(sorted(rows["layer"].unique()))
    axes.set_xlabel("decoder layer")


def _patches(axes: Axes, rows: pd.DataFrame) -> None:
    shown = rows[rows["item"].isin(PATCHES)]
    _bars(axes, shown, PATCHES, [_patch_label(item) for item in PATCHES])
    axes.set(ylim=(0, 1.02), ylabel="mean reciprocal rank\nwith the mean in place of")


def _sources(axes: Axes, rows: pd.DataFrame) -> None:
    _bars(axes, rows, SOURCES, [label(item.split()[1]) for item in SOURCES])
    axes.set(ylabel="share in what triggers\nStage III MLPs")


def _bars(axes: Axes, rows: pd.DataFrame, items: list[str], names: list[str]) -> None:
    views = [view for view in VIEWS if view in set(rows["queries"])]
    colours = [COLOURS[view] for view in views]
    grouped_bars(axes, rows, ("item", items), ("queries", views), colours)
    axes.set_xticks(range(len(items)), names, rotation=30, ha="right")


def _patch_label(item: str) -> str:
    if item == UNMODIFIED:
        return "nothing"
    _, stage, component = item.split()
    return f"{stage} {label(component)}"
