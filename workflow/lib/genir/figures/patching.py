"""Patching of single layers and components (the study's footnote 4)."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.components import COMPONENTS, METHODS
from genir.figures.style import (
    BROKEN,
    chosen,
    count_note,
    distinct,
    first_mesh,
    in_order,
    label,
    panels,
    percent_text,
    rows_of,
    top_percent,
)


def draw(table: pd.DataFrame) -> Figure:
    """Draw patching of single layers and components: percent of correct queries no longer first;
    models as rows, methods as columns, one colour scale up to the largest percent."""
    rows = chosen(table, "vocabulary ranks", rank_kind="vocabulary")
    models, methods = distinct(rows["model"]), in_order(rows["method"], METHODS)
    layers, top = rows["layer"].nunique(), top_percent(rows["broken_percent"])

    def panel(axes: Axes, model: str, method: str) -> None:
        part = rows_of(rows, model=model, method=method)
        _heat_map(axes, part, f"{model}: {label(method)}", top)

    def colour_bar(figure: Figure, grid: np.ndarray) -> None:
        for axes in grid[:, 1:].flat:
            axes.set_yticklabels([])
        figure.colorbar(first_mesh(grid), ax=grid, label=BROKEN, pad=0.01)

    size = (2.6 + 1.4 + 0.42 * layers * len(methods), 1.0 + 2.2 * len(models))
    return panels(models, methods, panel, size, finish=colour_bar)


def _heat_map(axes: Axes, rows: pd.DataFrame, title: str, top: float) -> None:
    if rows.empty:
        axes.set_axis_off()
        axes.set_title(f"{title}\nnot defined")
        return
    matrix = rows.pivot(index="component", columns="layer", values="broken_percent")
    matrix = matrix.reindex(in_order(matrix.index, COMPONENTS))
    sns.heatmap(
        matrix.set_axis([label(name) for name in matrix.index]),
        **{"ax": axes, "vmin": 0, "vmax": top, "cmap": "cividis", "cbar": False},
        **{"annot": matrix.map(percent_text), "fmt": "", "annot_kws": {"size": 8}},
    )
    axes.tick_params(axis="both", rotation=0)
    axes.set(xlabel="decoder layer", ylabel="")
    axes.set_title(f"{title}\n{count_note(rows['n'])}")
