"""Patching of single attention heads."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genir.base.names import ATTENTIONS, METHODS
from genir.figures import style
from genir.figures.patch_measures import MEASURES, Measure, colour_bars, not_defined

MOST_NUMBERS = 100
# Of red, green and blue (ITU-R BT.601).
_BRIGHTNESS = (0.299, 0.587, 0.114)


def draw(table: pd.DataFrame) -> Figure:
    """Draw patching of single attention heads: percent of correct queries no longer first, and
    below it the logit difference lost; models as rows, components and methods as columns, one
    colour scale for each of the two, as single heads break few."""
    rows = style.chosen(table, "vocabulary ranks", rank_kind="vocabulary")
    models, methods = style.distinct(rows["model"]), style.in_order(rows["method"], METHODS)
    heads, layers = rows["head"].nunique(), rows["layer"].nunique()
    columns, limits = list(product(ATTENTIONS, methods)), [m.limits(rows) for m in MEASURES]

    def panel(axes: Axes, row: tuple[str, int], column: tuple[str, str]) -> None:
        (model, number), (component, method) = row, column
        part = style.rows_of(rows, model=model, component=component, method=method)
        title = f"{model}: {style.label(component)},\n{style.label(method)}"
        _heat_map(axes, part, title, MEASURES[number], limits[number])

    lines = list(product(models, range(len(MEASURES))))
    width = 1.0 + max(2.2, 0.42 * heads) * len(columns) + 1.2
    size = (width, (1.4 + max(1.6, 0.27 * layers)) * len(lines))
    return style.panels(lines, columns, panel, size, label="decoder layer", finish=colour_bars)


def _heat_map(
    axes: Axes, rows: pd.DataFrame, title: str, measure: Measure, limits: tuple[float, float]
) -> None:
    if rows.empty:
        not_defined(axes, title)
        return
    rows = measure.of(rows)
    matrix = rows.pivot(index="layer", columns="head", values="value").to_numpy()
    layers, heads = map(np.arange, matrix.shape)
    scale = {"vmin": limits[0], "vmax": limits[1], "cmap": measure.colours}
    mesh = axes.pcolormesh(heads, layers, matrix, **scale, shading="nearest")
    axes.invert_yaxis()
    if matrix.size <= MOST_NUMBERS:
        for (layer, head), value in np.ndenumerate(matrix):
            light = np.dot(mesh.to_rgba(value)[:3], _BRIGHTNESS) > 0.5
            form = {"ha": "center", "va": "center", "size": 7, "color": "black" if light else "w"}
            axes.text(head, layer, measure.text(value), **form)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(visible=False)
    axes.set_xlabel("head")
    axes.set_title(f"{title}, {style.count_note(rows['n'])}")
