"""Patching of single attention heads."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genir.components import ATTENTIONS, METHODS
from genir.figures.style import (
    count_note,
    in_order,
    label,
    new_figure,
    percent_text,
    require_rows,
    rows_of,
    theme,
    top_percent,
)

MOST_NUMBERS = 100


def patching_heads_figure(table: pd.DataFrame) -> Figure:
    """Percent of correct queries no longer first by layer and head; models as rows, components
    and methods as columns, one colour scale up to the largest percent, as single heads break few.
    """
    rows = rows_of(table, rank_kind="vocabulary")
    require_rows(rows, "vocabulary ranks")
    models, methods = list(dict.fromkeys(rows["model"])), in_order(rows["method"], METHODS)
    panels = list(product(ATTENTIONS, methods))
    heads, layers = rows["head"].nunique(), rows["layer"].nunique()
    top = top_percent(rows["broken_percent"])
    with theme():
        width = 1.0 + max(2.2, 0.42 * heads) * len(panels)
        figure = new_figure(width + 1.2, (1.4 + max(1.6, 0.27 * layers)) * len(models))
        grid = figure.subplots(len(models), len(panels), squeeze=False)
        for line, model in zip(grid, models, strict=True):
            for axes, (component, method) in zip(line, panels, strict=True):
                part = rows_of(rows, model=model, component=component, method=method)
                _panel(axes, part, f"{model}: {label(component)},\n{label(method)}", top)
            line[0].set_ylabel("decoder layer")
        meshes = [axes.collections[0] for axes in grid.flat if axes.collections]
        bar = figure.colorbar(meshes[0], ax=grid, pad=0.01)
        bar.set_label("no longer first (% of correct queries)")
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, title: str, top: float) -> None:
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
            style = {"ha": "center", "va": "center", "size": 7, "color": colour}
            axes.text(head, layer, percent_text(value), **style)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(visible=False)
    axes.set_xlabel("head")
    axes.set_title(f"{title}, {count_note(rows['n'])}")
