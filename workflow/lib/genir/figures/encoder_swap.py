"""Hits@1 behind other encoders."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.figures import style
from genir.figures.bars import GROUP_WIDTH, grouped_bars
from genir.figures.heat_map import heat_map

ENCODERS = (
    *("full", "rd", "rd1", "rd2", "rd3", "rd4"),
    *("pretrained", "pretrained_own_norm", "random"),
)
GROUPS = ("removed", "control", "correct")


def draw(table: pd.DataFrame) -> Figure:
    """Draw Hits@1 behind other encoders: bars per encoder and group of queries; where reduced
    models exist, beside them the heat map of every reduced encoder on every removed set. One row
    per model, bars of one width."""
    what = "Hits@1 by vocabulary rank"
    rows = style.chosen(table, what, rank_kind="vocabulary", measure="hits_at_1")
    models = style.distinct(rows["model"])
    wide = rows["encoder"].str.fullmatch(r"rd\d+").any()
    width = GROUP_WIDTH / len(set(rows["queries"]) & set(GROUPS))
    places = rows.groupby("model")["encoder"].nunique().max()

    def panel(axes: Axes, model: str, kind: str) -> None:
        part = style.rows_of(rows, model=model)
        if kind == "sets":
            _heat_map(axes, part, model)
            return
        _bars(axes, part, model, width)
        axes.set_xlim(-0.6, places - 0.4)

    def legend(figure: Figure, grid: np.ndarray) -> None:
        handles, labels = _legend(grid[:, 0])
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)

    ratios = {"bars": 2.1, "sets": 1} if wide else {"bars": 1}
    size = (13.5 if wide else 8.5, 3.9 * len(models) + 0.4)
    return style.panels(
        models, list(ratios), panel, size, finish=legend, width_ratios=list(ratios.values())
    )


def _bars(axes: Axes, rows: pd.DataFrame, model: str, width: float) -> None:
    shown = rows[rows["queries"].isin(GROUPS)]
    groups = [name for name in GROUPS if name in set(shown["queries"])]
    colours = dict(zip(GROUPS, style.PALETTE, strict=False))
    encoders = style.in_order(shown["encoder"], ENCODERS)
    grouped_bars(
        axes,
        shown,
        ("encoder", encoders),
        ("queries", groups),
        [colours[group] for group in groups],
        total=width * len(groups),
    )
    axes.set_xticks(range(len(encoders)), [_short(e) for e in encoders], rotation=25, ha="right")
    counts = ", ".join(
        f"{group} {style.count_note(style.rows_of(shown, queries=group)['n'])}" for group in groups
    )
    axes.set_title(f"{model}, {counts}")
    axes.set(ylim=(0, 1.02), ylabel="Hits@1 (share of queries)", xlabel="encoder")


def _heat_map(axes: Axes, rows: pd.DataFrame, model: str) -> None:
    sets = rows[
        rows["encoder"].str.fullmatch(r"rd\d+") & rows["queries"].str.fullmatch(r"removed\d+")
    ]
    if sets.empty:
        axes.set_axis_off()
        return
    matrix = sets.pivot(index="encoder", columns="queries", values="value")
    columns = [name.removeprefix("removed") for name in matrix.columns]
    heat_map(axes, matrix.set_axis(columns, axis=1), matrix.map("{:.2f}".format), (0, 1), "Hits@1")
    axes.tick_params(axis="y", rotation=90)
    axes.set(xlabel="removed set", ylabel="encoder")
    axes.set_title(f"{model}, {style.count_note(sets['n'])} a cell")


def _legend(column: Any) -> tuple[list[Any], list[str]]:
    found = {}
    for axes in column:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(name, handle)
    names = style.in_order(found, GROUPS)
    return [found[name] for name in names], [f"{name} queries" for name in names]


def _short(encoder: str) -> str:
    return "own" if encoder == "full" else style.label(encoder)
