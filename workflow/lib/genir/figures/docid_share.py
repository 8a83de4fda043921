"""Share of docid tokens among what cross-attention heads say (the study's Table 5)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import STAGES
from genir.figures import style
from genir.figures.bars import grouped_bars, published_values

UNITS = {"head": "single heads", "component": "whole cross-attention"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw the share of docid tokens among what cross-attention heads say: bars per stage and
    number of top tokens over the correct queries, the base rate as a line, the study's values as
    hollow markers; models as rows, units as columns."""
    rows = style.chosen(table, "correct queries", queries="correct")
    models, tops = style.distinct(rows["model"]), sorted(set(rows["top"]))

    def panel(axes: Axes, model: str, unit: str) -> None:
        part = style.rows_of(rows, model=model, unit=unit)
        _bars(axes, part, tops)
        note = f"correct queries, {style.count_note(part['n'])}, {style.stages_note(part)}"
        axes.set_title(f"{model}: {UNITS[unit]}\n{note}")

    return style.panels(
        *(models, list(UNITS), panel, (10, 0.6 + 3.1 * len(models))),
        legend={"ncols": 5},
        label="docids among top tokens (%)",
        sharey=True,
    )


def _bars(axes: Axes, rows: pd.DataFrame, tops: list[int]) -> None:
    colours, names = style.shades("Blues", len(tops) + 2)[1:], [f"top {top}" for top in tops]
    named = rows.assign(top=rows["top"].map("top {}".format))
    grouped_bars(axes, named, ("stage", STAGES), ("top", names), colours)
    axes.axhline(rows["base_rate"].iloc[0], color="0.3", linestyle="--", label="base rate")
    given = rows.dropna(subset="paper")
    places = [(tops.index(row.top), STAGES.index(row.stage)) for row in given.itertuples()]
    published_values(axes, places, given["paper"], len(tops), clip_on=False)
    axes.set_xticks(range(len(STAGES)), [f"Stage {stage}" for stage in STAGES])
    axes.set_ylim(0, 102)
