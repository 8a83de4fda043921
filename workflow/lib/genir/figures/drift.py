"""How far fine-tuning moved the weights from where they started."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import COMPONENTS
from genir.figures import style
from genir.figures.heat_map import heat_map
from genir.figures.patch_measures import BROKEN

STACKS = ("encoder", "decoder")
ROWS = (*COMPONENTS, "norms")
STARTS = {"pretrained": "a pre-trained", "random": "a random"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw how far fine-tuning moved every component of every layer, encoder layers before decoder
    layers, in percent of where it started; a panel a model, one colour scale for all."""
    rows = style.chosen(table, "drift")
    models = style.distinct(rows["model"])
    layers = rows[rows["layer"].notna()]
    top = 100 * float(np.nanmax(layers["value"]))
    columns = max(len(layers[["stack", "layer"]].drop_duplicates()), 6)

    def panel(axes: Axes, model: str, _: str) -> None:
        _heat_map(axes, style.rows_of(layers, model=model), top)
        own = style.rows_of(rows, model=model)
        start = STARTS[own["start"].iloc[0]]
        words = style.rows_of(own, component="embedding")["value"]
        note = "".join(f"; word embedding {BROKEN.text(100 * value)} %" for value in words)
        axes.set_title(f"{model}, from {start} start{note}")

    def colour_bar(figure: Figure, grid: np.ndarray) -> None:
        label = "change of the weights\n(% of their norm at the start)"
        figure.colorbar(grid.flat[0].collections[0], ax=grid, label=label, pad=0.01)

    size = (3.0 + 0.55 * columns, 0.8 + 2.3 * len(models))
    return style.panels(models, [""], panel, size, finish=colour_bar)


def _heat_map(axes: Axes, rows: pd.DataFrame, top: float) -> None:
    places = [
        (stack, layer)
        for stack in STACKS
        for layer in sorted(style.rows_of(rows, stack=stack)["layer"].unique())
    ]
    matrix = 100 * rows.pivot(index="component", columns=["stack", "layer"], values="value")
    matrix = matrix.reindex(index=style.in_order(matrix.index, ROWS), columns=places)
    named = matrix.set_axis([style.label(name) for name in matrix.index])
    heat_map(axes, named, matrix.map(BROKEN.text), (0, top), size=8)
    names = [f"{stack[0].upper()}{layer:.0f}" for stack, layer in places]
    axes.set_xticks(np.arange(len(places)) + 0.5, names)
    axes.axvline(sum(stack == "encoder" for stack, _ in places), color="w", linewidth=4)
    axes.set(xlabel="layer of the encoder (E) and of the decoder (D)", ylabel="")
