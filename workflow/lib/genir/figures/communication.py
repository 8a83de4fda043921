"""Who triggers whom, by component and stage (the study's Fig. 5)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from genir.base.names import COMPONENTS, EMBEDDING, STAGES
from genir.figures import style

TARGETS = {"cross_attention": "cross-attention heads", "mlp": "active MLP neurons"}
SOURCES = [(EMBEDDING, "all"), *((name, stage) for name in COMPONENTS for stage in STAGES)]
LEAST_WRITTEN = 8


def draw(table: pd.DataFrame) -> Figure:
    """Draw who triggers whom: stacked shares of the sources per stage of the target, over the
    correct queries; models as rows, kinds of target as columns."""
    rows = style.chosen(table, "correct queries", queries="correct")
    models = style.distinct(rows["model"])

    def panel(axes: Axes, model: str, target: str) -> None:
        part = style.rows_of(rows, model=model, target=target)
        _bars(axes, part)
        note = f"correct queries, {style.count_note(part['n'])}, {style.stages_note(part)}"
        axes.set_title(f"{model}: {TARGETS[target]}\n{note}")

    return style.panels(
        *(models, list(TARGETS), panel, (11, 1.2 + 3.3 * len(models))),
        legend={"loc": "outside right center"},
        label="share of what pushes\nthe target upwards (%)",
        sharey=True,
    )


def _bars(axes: Axes, rows: pd.DataFrame) -> None:
    shares = rows.set_index(["target_stage", "source", "source_stage"])["value"]
    below = np.zeros(len(STAGES))
    for source, stage in SOURCES:
        keys = [(target, source, stage) for target in STAGES]
        heights = 100 * shares.reindex(keys).fillna(0).to_numpy()
        colour = _colour(source, stage)
        name = style.label(source) if stage == "all" else f"{style.label(source)}, Stage {stage}"
        axes.bar(range(len(STAGES)), heights, 0.7, below, color=colour, edgecolor="w", label=name)
        for place in np.flatnonzero(heights >= LEAST_WRITTEN):
            middle = below[place] + heights[place] / 2
            ink = "black" if np.mean(colour) > 0.5 else "white"
            form = {"ha": "center", "va": "center", "size": 8, "color": ink}
            axes.text(place, middle, f"{heights[place]:.0f}", **form)
        below += heights
    axes.set_xticks(range(len(STAGES)), [f"Stage {stage}" for stage in STAGES])
    axes.set(xlabel="stage of the target", ylim=(0, 100))
    axes.grid(visible=False, axis="x")


def _colour(source: str, stage: str) -> tuple[float, ...]:
    """The component's colour, paler for earlier stages."""
    if source == EMBEDDING:
        return (0.75, 0.75, 0.75)
    strength = (0.4, 0.7, 1.0)[STAGES.index(stage)]
    return tuple(1 - strength * (1 - part) for part in to_rgb(style.COMPONENT_COLOURS[source]))
