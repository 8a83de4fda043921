"""The circuit: quality of a model of which whole components are replaced (the study's Table 4)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import VARIANTS
from genir.figures import style
from genir.figures.bars import grouped_bars, published_values
from genir.tables.circuit import DEPTHS, FULL

KINDS = {"absolute": "share of queries", "relative": "share of the unmodified model's"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw the circuits: bars per circuit and metric on the test queries, absolute and relative to
    the unmodified model, with the study's values as hollow markers; one row per model."""
    what = "test queries by vocabulary rank"
    rows = style.chosen(table, what, rank_kind="vocabulary", split="test")
    rows = rows[rows["metric"].isin(DEPTHS)]
    models = style.distinct(rows["model"])

    def panel(axes: Axes, model: str, kind: str) -> None:
        part = style.rows_of(rows, model=model, kind=kind)
        _bars(axes, part)
        axes.set_ylabel(KINDS[kind])
        counts = style.count_note(part.loc[part["n"] > 0, "n"])
        axes.set_title(f"{model}, test queries, {counts}, {style.stages_note(part)}")

    size = (13.5, 0.6 + 3.5 * len(models))
    return style.panels(models, list(KINDS), panel, size, legend={"ncols": 5}, explained=1)


def _bars(axes: Axes, rows: pd.DataFrame) -> None:
    variants, metrics = style.in_order(rows["variant"], (FULL, *VARIANTS)), list(DEPTHS)
    grouped_bars(axes, rows, ("variant", variants), ("metric", metrics), style.PALETTE)
    given = rows.dropna(subset="paper")
    places = [(metrics.index(r.metric), variants.index(r.variant)) for r in given.itertuples()]
    published_values(axes, places, given["paper"], len(metrics))
    axes.set_xticks(range(len(variants)), [_variant_label(rows, name) for name in variants])
    if (rows["kind"] == "relative").any():
        axes.axhline(1, color="0.35", linestyle="--", linewidth=1.2, label="unmodified model")


def _variant_label(rows: pd.DataFrame, variant: str) -> str:
    row = style.rows_of(rows, variant=variant).iloc[0]
    name = "unmodified" if variant == FULL else style.label(variant)
    return f"{name}\n{row['active']} of {row['components']}"
