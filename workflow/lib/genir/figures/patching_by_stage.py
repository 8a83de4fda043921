"""Patching by stage (the study's Table 3)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import COMPONENTS, METHODS, PATCHED_STAGES
from genir.figures import style
from genir.figures.bars import grouped_bars, published_values


def draw(table: pd.DataFrame) -> Figure:
    """Draw patching by stage: bars per stage and component with the study's value as a hollow
    marker; models as rows, methods as columns."""
    rows = style.chosen(table, "vocabulary ranks", rank_kind="vocabulary")
    models, methods = style.distinct(rows["model"]), style.in_order(rows["method"], METHODS)

    def panel(axes: Axes, model: str, method: str) -> None:
        _bars(
            axes, style.rows_of(rows, model=model, method=method), f"{model}: {style.label(method)}"
        )

    return style.panels(
        *(models, methods, panel, (1.0 + 4.7 * len(methods), 0.8 + 3.3 * len(models))),
        legend={"ncols": 4},
        label="no longer first\n(% of correct queries)",
        sharey=True,
    )


def _bars(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    if rows.empty:
        axes.set_title(f"{title}\nnot defined")
        axes.set_xticks([])
        return
    colours = [style.COMPONENT_COLOURS[name] for name in COMPONENTS]
    bars = ("component", COMPONENTS)
    grouped_bars(axes, rows, ("stage", PATCHED_STAGES), bars, colours, value="broken_percent")
    given = rows.dropna(subset="paper")
    places = [
        (COMPONENTS.index(row.component), PATCHED_STAGES.index(row.stage))
        for row in given.itertuples()
    ]
    published_values(axes, places, given["paper"], len(COMPONENTS), clip_on=False)
    names = [_stage_label(rows, stage) for stage in PATCHED_STAGES]
    axes.set_xticks(range(len(PATCHED_STAGES)), names)
    axes.set_title(f"{title}\n{style.count_note(rows['n'])}, {style.stages_note(rows)}")
    axes.set_ylim(0, 102)


def _stage_label(rows: pd.DataFrame, stage: str) -> str:
    layers = dict.fromkeys(style.rows_of(rows, stage=stage)["stage_layers"])
    title = "all layers" if stage == "all" else f"Stage {stage}"
    return "\n".join([title, *(f"layers {name}" for name in layers)])
