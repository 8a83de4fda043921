"""Share of docid tokens among what cross-attention heads say (the study's Table 5)."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.components import STAGES
from genir.figures.bars import bar_positions, grouped_bars
from genir.figures.style import count_note, new_figure, require_rows, rows_of, theme

PAPER = "T5-large, NQ10k (paper)"
UNITS = {"head": "single heads", "component": "whole cross-attention"}


def docid_share_figure(table: pd.DataFrame) -> Figure:
    """Bars per stage and number of top tokens over the correct queries, the base rate as a line,
    the study's values as hollow markers; models as rows, units as columns."""
    rows = rows_of(table, queries="correct")
    require_rows(rows, "correct queries")
    models, tops = list(dict.fromkeys(rows["model"])), sorted(set(rows["top"]))
    with theme():
        figure = new_figure(10, 0.6 + 3.1 * len(models))
        grid = figure.subplots(len(models), len(UNITS), sharey=True, squeeze=False)
        for line, model in zip(grid, models, strict=True):
            for axes, unit in zip(line, UNITS, strict=True):
                part = rows_of(rows, model=model, unit=unit)
                _panel(axes, part, tops)
                origin = ", ".join(dict.fromkeys(part["stages"]))
                note = f"correct queries, {count_note(part['n'])}, stages {origin}"
                axes.set_title(f"{model}: {UNITS[unit]}\n{note}")
            line[0].set_ylabel("docids among top tokens (%)")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, tops: list[int]) -> None:
    colours = sns.color_palette("Blues", len(tops) + 2)[1:]
    names = [f"top {top}" for top in tops]
    named = rows.assign(top=rows["top"].map("top {}".format))
    grouped_bars(axes, named, ("stage", STAGES), ("top", names), colours)
    axes.axhline(rows["base_rate"].iloc[0], color="0.3", linestyle="--", label="base rate")
    given = rows.dropna(subset="paper")
    positions = [
        bar_positions(len(STAGES), tops.index(row.top), len(tops))[STAGES.index(row.stage)]
        for row in given.itertuples()
    ]
    style = {"facecolors": "none", "edgecolors": "black", "marker": "D", "s": 34, "zorder": 5}
    axes.scatter(positions, given["paper"], **style, clip_on=False, label=PAPER)
    axes.set_xticks(range(len(STAGES)), [f"Stage {stage}" for stage in STAGES])
    axes.set_ylim(0, 102)
