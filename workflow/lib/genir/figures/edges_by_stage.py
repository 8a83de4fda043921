"""Edges by stage: what is lost when the components of one stage do not read those of another."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import ABLATIONS, COMPONENTS, EMBEDDING, STAGES, UNEMBEDDING
from genir.figures import style
from genir.figures.heat_map import heat_map
from genir.figures.patch_measures import LOST

_SHORT = {"self_attention": "self", "cross_attention": "cross", "mlp": "MLP"}
_GROUPS = [(component, stage) for stage in STAGES for component in COMPONENTS]


def draw(table: pd.DataFrame) -> Figure:
    """Draw the logit difference that is lost without all edges between two stages, sources as rows
    and readers as columns; models as rows of panels, what is read instead as columns."""
    style.require_rows(table, "edges by stage")
    models = style.distinct(table["model"])
    methods = style.in_order(table["method"], ABLATIONS)
    # What is written into the unembedding directly is much more than all else.
    between = table.loc[table["reader"] != UNEMBEDDING, "value"]
    reach = max(0.1, float(between.abs().max()))

    def panel(axes: Axes, model: str, method: str) -> None:
        part = style.rows_of(table, model=model, method=method)
        keys = ["source", "source_stage", "reader", "reader_stage"]
        cells = part.set_index(keys)["value"].to_dict()
        sources, readers = [(EMBEDDING, "all"), *_GROUPS], [*_GROUPS, (UNEMBEDDING, "all")]
        values = pd.DataFrame(
            [[cells.get((*source, *reader)) for reader in readers] for source in sources],
            index=list(map(_name, sources)),
            columns=list(map(_name, readers)),
            dtype=float,
        )
        texts = values.map(LOST.text)
        heat_map(axes, values, texts, (-reach, reach), colours=LOST.colours, size=7)
        axes.tick_params(axis="x", rotation=90)
        for place in (1, 4, 7, 10):
            axes.axhline(place, color="0.6", lw=0.8)
        for place in (3, 6, 9):
            axes.axvline(place, color="0.6", lw=0.8)
        axes.grid(visible=False)
        axes.set(xlabel="reader", ylabel="source")
        instead = f"read instead: {style.label(method)}"
        note = f"{style.count_note(part['n'])}, {style.stages_note(part)}"
        axes.set_title(f"{model}, {instead}\n{note}")

    size = (6.4 * len(methods) + 0.8, 5.6 * len(models))
    return style.panels(models, methods, panel, size, finish=_colour_bar)


def _colour_bar(figure: Figure, grid: np.ndarray) -> None:
    mesh = grid[0][0].collections[0]
    figure.colorbar(mesh, ax=grid, pad=0.01, shrink=0.6, extend="both").set_label(
        LOST.label, size=9
    )


def _name(group: tuple[str, str]) -> str:
    component, stage = group
    return component if stage == "all" else f"{stage} {_SHORT[component]}"
