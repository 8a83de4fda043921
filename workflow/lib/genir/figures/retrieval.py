"""Retrieval quality of all systems."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from genir.figures.bars import grouped_bars
from genir.figures.style import in_order, label, new_figure, require_rows, rows_of, theme

METRICS = ("hits_at_1", "hits_at_10")
SLICES = {
    "all": "all queries",
    "no_shared_word": "no word shared with the document",
    "not_verbatim": "not verbatim in any document",
}


def retrieval_figure(table: pd.DataFrame) -> Figure:
    """Hits@1 and Hits@10 on the test queries; one row per dataset, one panel per slice.

    Systems without an interval (the study's) are left out.
    """
    rows = rows_of(table, split="test").dropna(subset=["low", "high"])
    require_rows(rows, "test queries")
    datasets, slices = list(dict.fromkeys(rows["dataset"])), in_order(rows["slice"], SLICES)
    systems = rows["system"].nunique()
    with theme():
        figure = new_figure(1.5 + (1.2 + 0.55 * systems) * len(slices), 4.4 * len(datasets))
        grid = figure.subplots(len(datasets), len(slices), sharey=True, squeeze=False)
        for line, dataset in zip(grid, datasets, strict=True):
            for axes, name in zip(line, slices, strict=True):
                _panel(axes, rows_of(rows, dataset=dataset, slice=name), dataset, name)
            line[0].set_ylabel("share of test queries")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return figure


def _panel(axes, rows: pd.DataFrame, dataset: str, name: str) -> None:  # noqa: ANN001
    systems = list(dict.fromkeys(rows["system"]))
    colours = sns.color_palette("colorblind")
    grouped_bars(axes, rows, ("system", systems), ("metric", METRICS), [colours[0], colours[9]])
    axes.set_xticks(range(len(systems)), [label(s) for s in systems], rotation=40, ha="right")
    counts = ", ".join(str(int(n)) for n in dict.fromkeys(rows["n"]))
    axes.set_title(f"{dataset}: {SLICES.get(name, name)}\nn = {counts}")
    axes.set_ylim(0, 1)
