"""Attribution patching judged by exact patches."""

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import ABLATIONS
from genir.figures import style

MEASURES = {"spearman": "Spearman with exact effects", "top_overlap": "overlap of the top 5 %"}
COLOURS = {"edges": style.PALETTE[0], "heads": style.PALETTE[1]}
_OFFSET = 0.12


def draw(table: pd.DataFrame) -> Figure:
    """Draw how well each estimate agrees with exact patching, for edges and heads; models and
    measures as rows, what comes in place of an output as columns."""
    style.require_rows(table, "attribution")
    models = style.distinct(table["model"])
    ablations = style.in_order(table["ablation"], ABLATIONS)

    def panel(axes: Axes, row: tuple[str, str], ablation: str) -> None:
        model, measure = row
        part = style.rows_of(table, model=model, measure=measure, ablation=ablation)
        names = style.distinct(_names(part))
        for number, (unit, colour) in enumerate(COLOURS.items()):
            own = style.rows_of(part, unit=unit)
            places = np.arange(len(own)) + (2 * number - 1) * _OFFSET
            style.error_bars(axes, places, own, "value")
            axes.plot(places, own["value"], "o", color=colour, label=unit)
        axes.set_xticks(range(len(names)), names)
        axes.set(ylim=(min(0.0, float(part["low"].min())) - 0.03, 1.03))
        axes.set_ylabel(MEASURES[measure])
        others = f"read instead: {style.label(ablation)}"
        axes.set_title(f"{model}, {others}, {style.count_note(part['n'])}")

    rows = list(product(models, MEASURES))
    size = (5.8 * len(ablations), 0.6 + 2.9 * len(rows))
    return style.panels(rows, ablations, panel, size, legend={"ncols": 2})


def _names(rows: pd.DataFrame) -> list[str]:
    """ "gradient" of the unmodified run, else over how many points it is integrated."""
    return [
        "gradient" if steps == 0 else f"integrated,\n{steps} step{'s' * (steps > 1)}"
        for steps in rows["steps"]
    ]
