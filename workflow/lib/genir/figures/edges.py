"""Edges: which component needs which, the strongest as a graph."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from genir.base.names import ABLATIONS, COMPONENTS, EMBEDDING, UNEMBEDDING
from genir.figures import style

DRAWN = 24
LANES = {"cross_attention": 2.0, "self_attention": 1.0, "mlp": 0.0, EMBEDDING: 1.0}
_STEP = 0.3
"""How far the components of a layer are apart from left to right, as they come one after the
other."""
_REACH = 3.0
"""Arrows over more layers than that are no higher."""
_HELPS, _HARMS = style.PALETTE[3], style.PALETTE[0]


def draw(table: pd.DataFrame) -> Figure:
    """Draw the 24 strongest edges between components as arrows, and what each component's edge to
    the unembedding carries as the area of its point; a row per model and replacement."""
    style.require_rows(table, "edges")
    lines = [
        (model, method)
        for model in style.distinct(table["model"])
        for method in style.in_order(table["method"], ABLATIONS)
    ]
    layers = int(table["source_layer"].max()) + 1

    def panel(axes: Axes, line: tuple[str, str], _: str) -> None:
        model, method = line
        part = style.rows_of(table, model=model, method=method)
        _points(axes, part[part["reader"] == UNEMBEDDING])
        between = part[part["reader"] != UNEMBEDDING]
        strongest = between.loc[between["value"].abs().nlargest(DRAWN).index]
        _arrows(axes, strongest)
        _frame(axes, part, layers)
        shown = f"{len(strongest)} strongest of {len(between)} edges"
        instead = f"read instead: {style.label(method)}"
        axes.set_title(f"{model}, {instead}; {shown}, {style.count_note(part['n'])}")

    size = (max(8.0, 2.0 + 0.72 * layers), 0.6 + 3.9 * len(lines))
    return style.panels(lines, [""], panel, size)


def _place(component: str, layer: float) -> tuple[float, float]:
    if component == EMBEDDING:
        return -1.0, LANES[EMBEDDING]
    return layer + _STEP * COMPONENTS.index(component), LANES[component]


def _points(axes: Axes, rows: pd.DataFrame) -> None:
    """Every component; its area is what is lost without its edge to the unembedding."""
    most = max(float(rows["value"].abs().max()), 1e-9)
    for row in rows.itertuples():
        colour = style.COMPONENT_COLOURS.get(row.source, (0.5, 0.5, 0.5))
        x, y = _place(row.source, row.source_layer)
        faces = colour if row.value >= 0 else "white"
        area = 10 + 260 * abs(row.value) / most
        axes.scatter(x, y, area, color=faces, edgecolors=colour, lw=1.2, zorder=2)
    note = f"largest point: {most:.2f} lost without its edge to the unembedding"
    axes.text(1, -0.2, note, transform=axes.transAxes, ha="right", va="top", size=8)


def _arrows(axes: Axes, rows: pd.DataFrame) -> None:
    """The weakest first, so that the strongest lie on top; width is the effect."""
    most = max(float(rows["value"].abs().max()), 1e-9)
    for row in rows.sort_values("value", key=abs).itertuples():
        begin, end = _place(row.source, row.source_layer), _place(row.reader, row.reader_layer)
        strength = abs(row.value) / most
        level = begin[1] == end[1]
        # Within a lane the arrow goes around what lies between, above it or, of MLPs, below.
        flat = 0.35 * min(1.0, _REACH / (end[0] - begin[0])) if level else 0.08
        bend = -flat if level and begin[1] != LANES["mlp"] else flat
        arrow = FancyArrowPatch(
            *(begin, end),
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>",
            mutation_scale=7 + 6 * strength,
            lw=0.6 + 3.4 * strength,
            color=_HARMS if row.value >= 0 else _HELPS,
            alpha=0.35 + 0.6 * strength,
            shrinkA=5,
            shrinkB=5,
            zorder=3,
        )
        axes.add_patch(arrow)
    note = f"thickest arrow: {most:.2f} of the logit difference lost"
    for colour, name in ((_HARMS, note), (_HELPS, "the model does better without")):
        axes.plot([], [], color=colour, lw=3, label=name)
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.16), ncols=2, frameon=False, fontsize=8)


def _frame(axes: Axes, rows: pd.DataFrame, layers: int) -> None:
    stages = rows[rows["source_layer"] >= 0].groupby("source_stage")["source_layer"]
    for first in sorted(stages.min())[1:]:
        axes.axvline(first - 0.2, color="0.5", ls="--", lw=1, zorder=0)
    for stage, (first, last) in stages.agg(["min", "max"]).iterrows():
        axes.text((first + last) / 2 + _STEP, 3.05, f"Stage {stage}", ha="center", size=9)
    names = [name for name in LANES if name != EMBEDDING]
    axes.set_yticks([LANES[name] for name in names], [style.label(name) for name in names])
    axes.set_xticks([-1, *(np.arange(layers) + _STEP)], ["start", *map(str, range(layers))])
    axes.set(xlim=(-1.5, layers + 0.2), ylim=(-0.9, 3.35), xlabel="decoder layer")
    axes.grid(visible=False)
