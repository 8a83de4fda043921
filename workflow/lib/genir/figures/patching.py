"""Patching of single layers and components (the study's footnote 4)."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.components import COMPONENTS, METHODS
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


def patching_figure(table: pd.DataFrame) -> Figure:
    """Percent of correct queries no longer first by layer and component; models as rows, methods
    as columns, one colour scale up to the largest percent."""
    rows = rows_of(table, rank_kind="vocabulary")
    require_rows(rows, "vocabulary ranks")
    models, methods = list(dict.fromkeys(rows["model"])), in_order(rows["method"], METHODS)
    layers, top = rows["layer"].nunique(), top_percent(rows["broken_percent"])
    with theme():
        figure = new_figure(2.6 + 1.4 + 0.42 * layers * len(methods), 1.0 + 2.2 * len(models))
        grid = figure.subplots(len(models), len(methods), squeeze=False)
        for line, model in zip(grid, models, strict=True):
            for axes, method in zip(line, methods, strict=True):
                part = rows_of(rows, model=model, method=method)
                _panel(axes, part, f"{model}: {label(method)}", top)
        for line in grid:
            for axes in line[1:]:
                axes.set_yticklabels([])
        _colour_bar(figure, grid)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, title: str, top: float) -> None:
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


def _colour_bar(figure: Figure, grid) -> None:  # noqa: ANN001
    meshes = [axes.collections[0] for axes in grid.flat if axes.collections]
    figure.colorbar(meshes[0], ax=grid, label="no longer first (% of correct queries)", pad=0.01)
