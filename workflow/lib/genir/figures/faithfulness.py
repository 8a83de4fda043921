"""Circuits of every size: how much of the model each keeps."""

from itertools import product

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import ABLATIONS, ORDERS
from genir.figures import style

COLOURS = {
    "zero": style.PALETTE[2],
    "mean": style.PALETTE[0],
    "donor_random": style.PALETTE[3],
    "attribution": style.PALETTE[1],
    "study": style.PALETTE[4],
    "random": (0.45, 0.45, 0.45),
}
NAMES = {
    "attribution": "by attribution",
    "study": "the study's circuit first",
    "random": "at random",
}
METRICS = {"logit_difference": "logit difference", "hits_at_1": "Hits@1"}
LIMITS = (-0.35, 1.35)
"""Of f in the picture: with few components it can be far below."""


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Of all panels: what there is, as far as LIMITS."""
    least, most = float(table["value"].min()), float(table["value"].max())
    return max(LIMITS[0], least - 0.07), min(LIMITS[1], max(1.0, most) + 0.07)


def order_name(order: str) -> str:
    return NAMES.get(order, f"by effect of {style.label(order)}")


def draw(table: pd.DataFrame) -> Figure:
    """Draw f(k) of every order of components; models and metrics as rows, ablations as columns."""
    style.require_rows(table, "circuits of every size")
    models, metrics = style.distinct(table["model"]), style.distinct(table["metric"])
    ablations = style.in_order(table["ablation"], ABLATIONS)

    def panel(axes: Axes, row: tuple[str, str], ablation: str) -> None:
        model, metric = row
        part = style.rows_of(table, model=model, metric=metric, ablation=ablation)
        for order in style.in_order(part["order"], ORDERS):
            own = style.rows_of(part, order=order).sort_values("active")
            line = "--" if order == "random" else "-"
            colour, name = COLOURS.get(order, style.PALETTE[9]), order_name(order)
            axes.plot(own["active"], own["value"], line, color=colour, lw=1.6, label=name)
            axes.fill_between(
                own["active"], own["low"], own["high"], color=colour, alpha=0.15, lw=0
            )
        for level in (0, 1):
            axes.axhline(level, color="0.35", lw=0.8, zorder=0)
        axes.set(ylim=_limits(table), xlim=(0, part["components"].max()))
        axes.set_xlabel("components that stay")
        axes.set_ylabel(f"share of {METRICS[metric]} kept, f")
        others = f"others replaced by {style.label(ablation)}"
        axes.set_title(f"{model}: {others},\n{style.count_note(part['n'])}")

    rows = list(product(models, metrics))
    size = (5.6 * len(ablations), 0.7 + 3.3 * len(rows))
    return style.panels(rows, ablations, panel, size, legend={"ncols": 3})
