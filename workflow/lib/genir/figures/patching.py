"""Patching of single layers and components (the study's footnote 4)."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import COMPONENTS, METHODS
from genir.figures import style
from genir.figures.heat_map import heat_map
from genir.figures.patch_measures import MEASURES, Measure, colour_bars, not_defined


def draw(table: pd.DataFrame) -> Figure:
    """Draw patching of single layers and components: percent of correct queries no longer first,
    and below it the logit difference lost; models as rows, methods as columns, one colour scale for
    each of the two."""
    rows = style.chosen(table, "vocabulary ranks", rank_kind="vocabulary")
    models, methods = style.distinct(rows["model"]), style.in_order(rows["method"], METHODS)
    layers, limits = rows["layer"].nunique(), [measure.limits(rows) for measure in MEASURES]

    def panel(axes: Axes, row: tuple[str, int], method: str) -> None:
        model, number = row
        part = style.rows_of(rows, model=model, method=method)
        title = f"{model}: {style.label(method)}"
        _heat_map(axes, part, title, MEASURES[number], limits[number])

    def finish(figure: Figure, grid: np.ndarray) -> None:
        for axes in grid[:, 1:].flat:
            axes.set_yticklabels([])
        colour_bars(figure, grid)

    lines = list(product(models, range(len(MEASURES))))
    size = (2.6 + 1.4 + 0.42 * layers * len(methods), 1.0 + 2.2 * len(lines))
    return style.panels(lines, methods, panel, size, finish=finish)


def _heat_map(
    axes: Axes, rows: pd.DataFrame, title: str, measure: Measure, limits: tuple[float, float]
) -> None:
    if rows.empty:
        not_defined(axes, title)
        return
    matrix = measure.of(rows).pivot(index="component", columns="layer", values="value")
    matrix = matrix.reindex(style.in_order(matrix.index, COMPONENTS))
    named = matrix.set_axis([style.label(name) for name in matrix.index])
    heat_map(axes, named, matrix.map(measure.text), limits, colours=measure.colours, size=8)
    axes.set_xlabel("decoder layer")
    axes.set_title(f"{title}\n{style.count_note(measure.of(rows)['n'])}")
