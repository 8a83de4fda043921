"""Patching of single layers and components (the study's footnote 4)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import COMPONENTS, METHODS
from genir.figures import style
from genir.figures.heat_map import heat_map


def draw(table: pd.DataFrame) -> Figure:
    """Draw patching of single layers and components: percent of correct queries no longer first;
    models as rows, methods as columns, one colour scale up to the largest percent."""
    rows = style.chosen(table, "vocabulary ranks", rank_kind="vocabulary")
    models, methods = style.distinct(rows["model"]), style.in_order(rows["method"], METHODS)
    layers, top = rows["layer"].nunique(), style.top_percent(rows["broken_percent"])

    def panel(axes: Axes, model: str, method: str) -> None:
        part = style.rows_of(rows, model=model, method=method)
        _heat_map(axes, part, f"{model}: {style.label(method)}", top)

    def colour_bar(figure: Figure, grid: np.ndarray) -> None:
        for axes in grid[:, 1:].flat:
            axes.set_yticklabels([])
        figure.colorbar(style.first_mesh(grid), ax=grid, label=style.BROKEN, pad=0.01)

    size = (2.6 + 1.4 + 0.42 * layers * len(methods), 1.0 + 2.2 * len(models))
    return style.panels(models, methods, panel, size, finish=colour_bar)


def _heat_map(axes: Axes, rows: pd.DataFrame, title: str, top: float) -> None:
    if rows.empty:
        axes.set_axis_off()
        axes.set_title(f"{title}\nnot defined")
        return
    matrix = rows.pivot(index="component", columns="layer", values="broken_percent")
    matrix = matrix.reindex(style.in_order(matrix.index, COMPONENTS))
    named = matrix.set_axis([style.label(name) for name in matrix.index])
    heat_map(axes, named, matrix.map(style.percent_text), top, size=8)
    axes.set_xlabel("decoder layer")
    axes.set_title(f"{title}\n{style.count_note(rows['n'])}")
