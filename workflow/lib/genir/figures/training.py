"""Loss curves of all fine-tuned models."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from genir.figures.style import new_figure, require_rows, theme

LOSSES = {"indexing_loss": "indexing loss (nats)", "retrieval_loss": "retrieval loss (nats)"}


def training_figure(table: pd.DataFrame) -> Figure:
    """Indexing and retrieval loss by step, one line per model."""
    require_rows(table, "any loss curve")
    models = list(dict.fromkeys(table["model"]))
    colours = sns.color_palette("colorblind")
    with theme():
        figure = new_figure(12, 4.6)
        panels = figure.subplots(1, len(LOSSES), sharey=True)
        for axes, (column, name) in zip(panels, LOSSES.items(), strict=True):
            for index, model in enumerate(models):
                curve = table[table["model"] == model]
                style = ["-", "--", ":", "-."][index // len(colours) % 4]
                colour = colours[index % len(colours)]
                axes.plot(curve["step"], curve[column], style, color=colour, lw=1.6, label=model)
            axes.set(xlabel="training step", ylabel=name)
            axes.set_title(f"{name.split(' (')[0]}, {len(models)} models, one run each")
        panels[0].set_ylim(0, None)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center", frameon=False)
    return figure


def pretraining_figure(curve: pd.DataFrame) -> Figure:
    """Span-corruption loss by step of one pre-training."""
    require_rows(curve, "a loss curve")
    with theme():
        figure = new_figure(6, 3.6)
        axes = figure.subplots()
        axes.plot(curve["step"], curve["loss"], lw=1.6)
        axes.set(xlabel="training step", ylabel="span-corruption loss (nats)", ylim=(0, None))
    return figure
