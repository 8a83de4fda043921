"""Patching of single attention heads."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genir.base.names import ATTENTIONS, METHODS
from genir.figures import style

MOST_NUMBERS = 100


def draw(table: pd.DataFrame) -> Figure:
    """Draw patching of single attention heads: percent of correct queries no longer first; models
    as rows, components and methods as columns, one colour scale up to the largest percent, as
    single heads break few."""
    rows = style.chosen(table, "vocabulary ranks", rank_kind="vocabulary")
    models, methods = style.distinct(rows["model"]), style.in_order(rows["method"], METHODS)
    heads, layers = rows["head"].nunique(), rows["layer"].nunique()
    columns, top = list(product(ATTENTIONS, methods)), style.top_percent(rows["broken_percent"])

    def panel(axes: Axes, model: str, column: tuple[str, str]) -> None:
        component, method = column
        part = style.rows_of(rows, model=model, component=component, method=method)
        _heat_map(axes, part, f"{model}: {style.label(component)},\n{style.label(method)}", top)

    def colour_bar(figure: Figure, grid: np.ndarray) -> None:
        figure.colorbar(style.first_mesh(grid), ax=grid, pad=0.01).set_label(style.BROKEN)

    width = 1.0 + max(2.2, 0.42 * heads) * len(columns) + 1.2
    size = (width, (1.4 + max(1.6, 0.27 * layers)) * len(models))
    return style.panels(models, columns, panel, size, label="decoder layer", finish=colour_bar)


def _heat_map(axes: Axes, rows: pd.DataFrame, title: str, top: float) -> None:
    if rows.empty:
        axes.set_axis_off()
        axes.set_title(f"{title}\nnot defined")
        return
    matrix = rows.pivot(index="layer", columns="head", values="broken_percent").to_numpy()
    layers, heads = map(np.arange, matrix.shape)
    axes.pcolormesh(heads, layers, matrix, vmin=0, vmax=top, cmap="cividis", shading="nearest")
    axes.invert_yaxis()
    if matrix.size <= MOST_NUMBERS:
        for (layer, head), value in np.ndenumerate(matrix):
            colour = "black" if value > 0.6 * top else "white"
            form = {"ha": "center", "va": "center", "size": 7, "color": colour}
            axes.text(head, layer, style.percent_text(value), **form)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(visible=False)
    axes.set_xlabel("head")
    axes.set_title(f"{title}, {style.count_note(rows['n'])}")
