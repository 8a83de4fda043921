"""Patching by stage (the study's Table 3)."""

from itertools import product

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import COMPONENTS, METHODS, PATCHED_STAGES
from genir.figures import style
from genir.figures.bars import grouped_bars, published_values
from genir.figures.patch_measures import BROKEN, LOST, MEASURES, Measure


def draw(table: pd.DataFrame) -> Figure:
    """Draw patching by stage: bars per stage and component with the study's value as a hollow
    marker, and below them the logit difference lost; models as rows, methods as columns."""
    rows = style.chosen(table, "vocabulary ranks", rank_kind="vocabulary")
    models, methods = style.distinct(rows["model"]), style.in_order(rows["method"], METHODS)

    def panel(axes: Axes, row: tuple[str, Measure], method: str) -> None:
        (model, measure), title = row, f"{row[0]}: {style.label(method)}"
        _bars(axes, style.rows_of(rows, model=model, method=method), title, measure)
        axes.set_ylim(*((0, 102) if measure is BROKEN else lost))
        if method == methods[0]:
            axes.set_ylabel(measure.label)

    lines, lost = list(product(models, MEASURES)), _reach(LOST.of(rows))
    size = (1.0 + 4.7 * len(methods), 0.8 + 3.3 * len(lines))
    return style.panels(lines, methods, panel, size, legend={"ncols": 4}, sharey="row")


def _reach(rows: pd.DataFrame) -> tuple[float, float]:
    """From the lowest to the highest end of an interval, 0 and 1 in any case."""
    low, high = rows[["value", "low"]].min(axis=None), rows[["value", "high"]].max(axis=None)
    return min(0.0, 1.05 * low), max(1.05, 1.05 * high)


def _bars(axes: Axes, rows: pd.DataFrame, title: str, measure: Measure) -> None:
    if rows.empty:
        axes.set_title(f"{title}\nnot defined")
        axes.set_xticks([])
        return
    colours = [style.COMPONENT_COLOURS[name] for name in COMPONENTS]
    rows, bars = measure.of(rows), ("component", COMPONENTS)
    grouped_bars(axes, rows, ("stage", PATCHED_STAGES), bars, colours)
    if measure is BROKEN:
        given = rows.dropna(subset="paper")
        places = [
            (COMPONENTS.index(row.component), PATCHED_STAGES.index(row.stage))
            for row in given.itertuples()
        ]
        published_values(axes, places, given["paper"], len(COMPONENTS), clip_on=False)
    else:
        axes.axhline(1, color="0.35", linestyle="--", linewidth=1.2)
    names = [_stage_label(rows, stage) for stage in PATCHED_STAGES]
    axes.set_xticks(range(len(PATCHED_STAGES)), names)
    axes.set_title(f"{title}\n{style.count_note(rows['n'])}, {style.stages_note(rows)}")


def _stage_label(rows: pd.DataFrame, stage: str) -> str:
    layers = dict.fromkeys(style.rows_of(rows, stage=stage)["stage_layers"])
    title = "all layers" if stage == "all" else f"Stage {stage}"
    return "\n".join([title, *(f"layers {name}" for name in layers)])
