"""What every component and cross-attention head adds to the logit difference."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import COMPONENTS
from genir.figures.heat_map import heat_map
from genir.figures.style import chosen, count_note, distinct, in_order, label, panels, rows_of

VIEWS = ("correct", "failed")
WHOLE = -1
KINDS = ("components", "cross-attention heads")
LABEL = "mean change of the logit difference\n(relevant document - its rival)"


def draw(table: pd.DataFrame) -> Figure:
    """Draw what every component, and every head of cross-attention, adds on average to the logit of
    the relevant document minus that of its rival; models as rows, correct and failed queries as
    columns, one colour scale for all components and one for all heads."""
    rows = chosen(table, "contributions")
    models, views = distinct(rows["model"]), in_order(rows["queries"].unique(), VIEWS)
    layers = int(rows["layer"].max()) + 1
    heads = rows[(rows["component"] == "cross_attention") & (rows["head"] != WHOLE)]
    whole = rows[(rows["head"] == WHOLE) & rows["component"].isin(COMPONENTS)]
    whole = whole.assign(head=whole["component"].map(_broken))
    parts = dict(zip(KINDS, (whole, heads), strict=True))
    reach = {kind: max(1e-6, float(part["value"].abs().max())) for kind, part in parts.items()}
    names = {KINDS[0]: list(map(_broken, COMPONENTS)), KINDS[1]: distinct(heads["head"])}

    def panel(axes: Axes, model: str, column: tuple[str, str]) -> None:
        kind, view = column
        part = rows_of(parts[kind], model=model, queries=view)
        if part.empty:
            axes.set_axis_off()
            axes.set_title(f"{model}: no {view} queries")
            return
        values = part.pivot(index="layer", columns="head", values="value")[names[kind]]
        texts = values.map(_text)
        limits = -reach[kind], reach[kind]
        heat_map(axes, values, texts, limits, colours="RdBu_r", size=6.5)
        axes.set_title(f"{model}, {view} queries:\n{kind}, {count_note(part['n'])}")

    def colour_bars(figure: Figure, grid: np.ndarray) -> None:
        for number, kind in enumerate(KINDS):
            own = grid[:, number * len(views) : (number + 1) * len(views)]
            meshes = [axes.collections[0] for axes in own.flat if axes.collections]
            bar = figure.colorbar(meshes[0], ax=own, location="bottom", shrink=0.6, pad=0.02)
            bar.set_label(f"{kind}: {LABEL}", size=9)

    width = 2.6 * len(views) * 2 + 0.6
    size = (width, (1.2 + max(1.6, 0.24 * layers)) * len(models) + 1.0)
    columns = list(product(KINDS, views))
    return panels(models, columns, panel, size, label="decoder layer", finish=colour_bars)


def _broken(component: str) -> str:
    return label(component).replace("-", "-\n")


def _text(value: float) -> str:
    """Two decimals, and no minus before nothing."""
    return f"{round(value, 2) + 0.0:.2f}"
