"""Models that differ in one quantity, side by side."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genir.base.names import COMPONENTS, STAGES
from genir.figures import style

COLUMNS = 4
_STAGE_COLOURS = dict(zip(STAGES, style.PALETTE[:3], strict=True))
_METHODS = ("mean", "pretrained")
Lines = dict[str, tuple[str, object]]
"""Measure -> its name in the legend and its colour."""


def draw(table: pd.DataFrame, quantity: str) -> Figure:
    """Draw what is measured of the models of a series over the values of its quantity, in their
    order and equally far apart: dots are trainings, lines their means. Below, a panel for each
    value, the contribution of every component by layer.

    `quantity` is what the models differ in.
    """
    style.require_rows(table, "a series")
    values = style.distinct(table["quantity"])
    table = table.assign(place=table["quantity"].map(values.index))
    draws = [partial(_scalar, table, *panel) for panel in _panels(table)]
    layers = [partial(_layers, table, value, quantity) for value in values]
    grid = [_filled(draws), _filled(layers)]
    rows = [row for part in grid for row in range(0, len(part), COLUMNS)]
    cells = [cell for part in grid for cell in part]

    def panel(axes: Axes, row: int, column: int) -> None:
        cells[COLUMNS * row + column](axes)

    def finish(_: Figure, grid: np.ndarray) -> None:
        for axes in grid.flat[: len(draws)]:
            turned = 45 if sum(map(len, values)) > 24 else 0
            axes.set_xticks(range(len(values)), values, rotation=turned)
            axes.set_xlim(-0.4, len(values) - 0.6)
            axes.set_xlabel(quantity.replace("_", " "))

    size = (16.0, 3.3 * len(rows))
    return style.panels(range(len(rows)), range(COLUMNS), panel, size, finish=finish)


def _panels(table: pd.DataFrame) -> list[tuple[str, str, Lines]]:
    """Title, label and lines of the panels that have rows."""
    colours = style.PALETTE
    components = {name: (style.label(name), style.COMPONENT_COLOURS[name]) for name in COMPONENTS}
    found: list[tuple[str, str, Lines]] = [
        (
            *("Retrieval, test queries", "share of queries"),
            {
                f"retrieval {metric}": (style.label(metric), colours[i])
                for i, metric in enumerate(("hits_at_1", "hits_at_10"))
            },
        ),
        (
            *("Pre-trained encoder before the decoder", "Hits@1"),
            {"encoder_swap pretrained hits_at_1": ("", colours[0])},
        ),
        (*("Stages found", "segments"), {"stages segments": ("", colours[0])}),
        (
            *("Smallest lead of a stage's component", "difference of ratios"),
            {"stages least_lead": ("", colours[0])},
        ),
    ]
    for component in ("cross_attention", "mlp"):
        for method in _METHODS:
            title = f"{style.label(component)}, {style.label(method)}".capitalize()
            lines = {
                f"patching_by_stage {method} {stage} {component} broken_percent": (
                    f"Stage {stage}",
                    _STAGE_COLOURS[stage],
                )
                for stage in STAGES
            }
            found.append((title.replace("Mlp", "MLP"), "no longer first (%)", lines))
    of_sources = {
        f"direct_contribution {name} percent_not_first": line for name, line in components.items()
    }
    heads = {
        f"docid_share {stage} 10": (f"Stage {stage}", _STAGE_COLOURS[stage]) for stage in STAGES
    }
    base: Lines = {"docid_share base_rate": ("all tokens", "0.5")}
    found += [
        ("Outputs of one kind alone", "document not first (%)", of_sources),
        (
            *("Layer from which the document is first", "decoder layer"),
            {"emergence layer": ("", colours[0])},
        ),
        ("Documents in the top 10 of heads", "docids (%)", heads | base),
    ]
    measures = set(table["measure"])
    kept = [(*names, {m: v for m, v in lines.items() if m in measures}) for *names, lines in found]
    return [panel for panel in kept if panel[2]]


def _scalar(table: pd.DataFrame, title: str, label: str, lines: Lines, axes: Axes) -> None:
    shift = 0.12 / max(len(lines) - 1, 1)
    counts: list[float] = []
    for index, (measure, (name, colour)) in enumerate(lines.items()):
        rows = style.rows_of(table, measure=measure)
        places = rows["place"].to_numpy(float) + shift * (index - (len(lines) - 1) / 2)
        means = rows.assign(at=places).groupby("at")["value"].mean()
        axes.plot(means.index, means, "-", color=colour, label=name or None)
        axes.plot(places, rows["value"], "o", color=colour, markersize=4)
        style.error_bars(axes, places, rows, "value")
        counts += list(rows["n"])
    axes.set(ylabel=label)
    if label == "segments":
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_title(f"{title}\n{style.count_note(counts)}")
    if any(name for name, _ in lines.values()):
        bottom, top = axes.get_ylim()
        axes.set_ylim(bottom, top + 0.25 * (top - bottom))
        _legend(axes, len(lines))


def _legend(axes: Axes, columns: int) -> None:
    """Above the lines."""
    close = {"columnspacing": 0.7, "handlelength": 0.8, "handletextpad": 0.3, "borderpad": 0.1}
    axes.legend(frameon=False, loc="upper center", ncols=columns, fontsize="small", **close)


def _layers(table: pd.DataFrame, value: str, quantity: str, axes: Axes) -> None:
    """The first training with a value of the quantity, all components by layer; one scale for all
    values."""
    table = table[table["measure"].str.startswith("contributions ")]
    own = style.rows_of(table, quantity=value)
    words = own["measure"].str.split(" ", expand=True)
    own = own.assign(layer=words[1].astype(int), component=words[2])
    for component in COMPONENTS:
        rows = style.rows_of(own, component=component).drop_duplicates("layer")
        colour = style.COMPONENT_COLOURS[component]
        style.banded_line(axes, rows, "o-", colour, label=style.label(component), markersize=3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set(xlabel="decoder layer", ylabel="norm of output /\nnorm of the change")
    axes.set_ylim(0, 1.25 * float(table["high"].max()))
    axes.set_title(f"{quantity.replace('_', ' ')} {value}\n{style.count_note(own['n'])}")
    _legend(axes, len(COMPONENTS))


def _filled(cells: list[Callable[[Axes], object]]) -> list[Callable[[Axes], object]]:
    """As many as whole rows have."""
    missing = COLUMNS * math.ceil(len(cells) / COLUMNS) - len(cells)
    return [*cells, *[Axes.set_axis_off] * missing]
