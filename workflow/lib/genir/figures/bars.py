"""Grouped bars with intervals."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from genir.figures.style import error_bars, label
from genir.tables.published import LABEL

GROUP_WIDTH = 0.8


def grouped_bars(
    axes: Axes,
    table: pd.DataFrame,
    groups: tuple[str, Sequence[str]],
    bars: tuple[str, Sequence[str]],
    colours: Sequence[Any],
    value: str = "value",
    total: float = GROUP_WIDTH,
) -> None:
    """One group of bars per value of the column `groups[0]`, one bar in each per value of the
    column `bars[0]`; missing bars leave a gap. `table` has low and high beside `value`, `total` is
    the width of a group."""
    (group_column, group_values), (bar_column, bar_values) = groups, bars
    indexed = table.set_index([group_column, bar_column])
    width = total / len(bar_values)
    for index, bar in enumerate(bar_values):
        keys = [(group, bar) for group in group_values]
        rows = indexed.reindex(pd.MultiIndex.from_tuples(keys, names=indexed.index.names))
        positions = bar_positions(len(group_values), index, len(bar_values), total)
        heights = rows[value].to_numpy(float)
        axes.bar(positions, np.nan_to_num(heights), width, color=colours[index], label=label(bar))
        drawn = ~np.isnan(heights)
        error_bars(axes, positions[drawn], rows[drawn], value)
    axes.set_xticks(range(len(group_values)), [label(group) for group in group_values])
    axes.grid(visible=False, axis="x")


def published_values(
    axes: Axes, places: Iterable[tuple[int, int]], values: pd.Series, bars: int, **style: Any
) -> None:
    """The study's values as hollow markers over bars, each `place` a bar and its group."""
    hollow = {"facecolors": "none", "edgecolors": "black", "marker": "D", "s": 34, "zorder": 5}
    positions = [bar_positions(group + 1, bar, bars)[group] for bar, group in places]
    axes.scatter(positions, values, **hollow, **style, label=LABEL)


def bar_positions(groups: int, index: int, bars: int, total: float = GROUP_WIDTH) -> np.ndarray:
    """Centres `[group]` of bar `index` of `bars` in every group."""
    return np.arange(groups) + (index - (bars - 1) / 2) * total / bars
