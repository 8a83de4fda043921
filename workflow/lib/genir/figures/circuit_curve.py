"""Circuits of every size in two numbers: CPR and CMD."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import ABLATIONS, ORDERS
from genir.figures import style
from genir.figures.faithfulness import COLOURS, METRICS, order_name

MEASURES = {"cpr": "CPR (higher is better)", "cmd": "CMD (0 is best)"}
_OFFSET = 0.16


def draw(table: pd.DataFrame) -> Figure:
    """Draw CPR and CMD of every order with their intervals, those of the logit difference filled,
    those of Hits@1 hollow; models and ablations as rows, measures as columns."""
    style.require_rows(table, "circuits of every size")
    models = style.distinct(table["model"])
    orders = style.in_order(table["order"], ORDERS)

    def panel(axes: Axes, row: tuple[str, str], measure: str) -> None:
        model, ablation = row
        part = style.rows_of(table, model=model, ablation=ablation, measure=measure)
        for number, (metric, name) in enumerate(METRICS.items()):
            own = style.rows_of(part, metric=metric).set_index("order").reindex(orders)
            heights = np.arange(len(orders)) + (2 * number - 1) * _OFFSET
            colours = [COLOURS.get(order, style.PALETTE[9]) for order in orders]
            axes.hlines(heights, own["low"], own["high"], color=colours, lw=2)
            faces = colours if number == 0 else "white"
            axes.scatter(own["value"], heights, 32, color=faces, edgecolors=colours, zorder=3)
            # In the legend a marker has no order's colour.
            face = "0.3" if number == 0 else "white"
            axes.scatter([], [], 32, color=face, edgecolors="0.3", label=name)
        axes.set_yticks(range(len(orders)), [order_name(order) for order in orders])
        axes.set_ylim(len(orders) - 0.5, -0.5)
        axes.set_xlabel(MEASURES[measure])
        axes.tick_params(axis="x", labelbottom=True)
        others = f"others replaced by {style.label(ablation)}"
        axes.set_title(f"{model}: {others},\n{style.count_note(part['n'])}")

    rows = list(product(models, style.in_order(table["ablation"], ABLATIONS)))
    size = (11, 0.7 + (1.2 + 0.32 * len(orders)) * len(rows))
    return style.panels(rows, list(MEASURES), panel, size, legend={"ncols": 2}, sharex="col")
