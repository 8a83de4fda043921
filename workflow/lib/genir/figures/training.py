"""Loss curves of all fine-tuned models."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.figures import style

LOSSES = {"indexing_loss": "indexing loss (nats)", "retrieval_loss": "retrieval loss (nats)"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw the loss curves of all fine-tuned models: indexing and retrieval loss by step."""
    models = style.distinct(style.chosen(table, "any loss curve")["model"])

    def panel(axes: Axes, _: str, column: str) -> None:
        for index, model in enumerate(models):
            curve = style.rows_of(table, model=model)
            form = ["-", "--", ":", "-."][index // len(style.PALETTE) % 4]
            colour = style.PALETTE[index % len(style.PALETTE)]
            axes.plot(curve["step"], curve[column], form, color=colour, lw=1.6, label=model)
        name = LOSSES[column]
        axes.set(xlabel="training step", ylabel=name)
        axes.set_title(f"{name.split(' (')[0]}, {len(models)} models, one run each")

    return style.panels(
        *([""], list(LOSSES), panel, (12, 4.6)),
        legend={"loc": "outside right center"},
        finish=lambda _, grid: grid[0][0].set_ylim(0, None),
        sharey=True,
    )


def pretraining_figure(curve: pd.DataFrame) -> Figure:
    """Span-corruption loss by step of one pre-training."""
    style.require_rows(curve, "a loss curve")
    with style.theme():
        figure = style.new_figure(6, 3.6)
        axes = figure.subplots()
        axes.plot(curve["step"], curve["loss"], lw=1.6)
        axes.set(xlabel="training step", ylabel="span-corruption loss (nats)", ylim=(0, None))
    return figure
