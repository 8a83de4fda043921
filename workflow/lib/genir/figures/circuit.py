"""The circuit: quality of a model of which whole components are replaced (the study's Table 4)."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.components import VARIANTS
from genir.figures.bars import bar_positions, grouped_bars
from genir.figures.style import (
    count_note,
    in_order,
    label,
    new_figure,
    require_rows,
    rows_of,
    theme,
)
from genir.tables.circuit import DEPTHS, FULL

PAPER = "T5-large, NQ10k (paper)"
KINDS = {"absolute": "share of queries", "relative": "share of the unmodified model's"}


def circuit_figure(table: pd.DataFrame) -> Figure:
    """Bars per circuit and metric on the test queries, absolute and relative to the unmodified
    model, with the study's values as hollow markers; one row per model."""
    rows = rows_of(table, rank_kind="vocabulary", split="test")
    require_rows(rows, "test queries by vocabulary rank")
    models = list(dict.fromkeys(rows["model"]))
    with theme():
        figure = new_figure(13.5, 0.6 + 3.5 * len(models))
        grid = figure.subplots(len(models), len(KINDS), squeeze=False)
        for line, model in zip(grid, models, strict=True):
            for axes, kind in zip(line, KINDS, strict=True):
                part = rows_of(rows, model=model, kind=kind)
                _panel(axes, part)
                axes.set_ylabel(KINDS[kind])
                origin = ", ".join(dict.fromkeys(part["stages"]))
                counts = count_note(part.loc[part["n"] > 0, "n"])
                axes.set_title(f"{model}, test queries, {counts}, stages {origin}")
        handles, labels = grid[0][1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    variants = in_order(rows["variant"], (FULL, *VARIANTS))
    colours = sns.color_palette("colorblind")
    grouped_bars(axes, rows, ("variant", variants), ("metric", tuple(DEPTHS)), colours)
    given = rows.dropna(subset="paper")
    positions = [
        bar_positions(len(variants), list(DEPTHS).index(row.metric), len(DEPTHS))[
            variants.index(row.variant)
        ]
        for row in given.itertuples()
    ]
    style = {"facecolors": "none", "edgecolors": "black", "marker": "D", "s": 34, "zorder": 5}
    axes.scatter(positions, given["paper"], **style, label=PAPER)
    axes.set_xticks(range(len(variants)), [_variant_label(rows, name) for name in variants])
    if (rows["kind"] == "relative").any():
        axes.axhline(1, color="0.35", linestyle="--", linewidth=1.2, label="unmodified model")


def _variant_label(rows: pd.DataFrame, variant: str) -> str:
    row = rows_of(rows, variant=variant).iloc[0]
    name = "unmodified" if variant == FULL else label(variant)
    return f"{name}\n{row['active']} of {row['components']}"
