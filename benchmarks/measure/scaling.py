"""What a patched query costs the engine, against queries, layers and documents."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import seaborn as sns
from check_peers import METHODS
from peers import places
from peers.lean import Lean
from shapes import SHAPES, Shape, random_batches, random_model

from genir.figures.style import new_figure, save_figure, theme
from genir.files.io import write_csv
from measure.contest import BATCH_SIZE
from measure.timing import Rate, in_turn, rate, rounded, spread

AXES = {"queries": "queries", "layers": "encoder and decoder layers", "documents": "documents"}
POINTS = {
    "t5-small-33k": {
        "queries": (2, 8, 32, 128),
        "layers": (3, 6, 12, 24),
        "documents": (1_000, 10_000, 100_000, 320_000),
    },
    "tiny": {"queries": (2, 4, 8), "layers": (1, 2, 4), "documents": (20, 40, 80)},
}
QUERIES = 32


def scaling_table(name: str, rounds: int) -> pd.DataFrame:
    """One row per point: series, value, milliseconds per patched query and per sweep. In each
    series one thing varies around the shape `name`, for 32 queries unless those vary."""
    rows = []
    for series, values in POINTS[name].items():
        sizes = {str(value): _size(SHAPES[name], series, value) for value in values}
        contestants = {value: _rate(*size) for value, size in sizes.items()}
        rates = in_turn(contestants, rounds + 1, f"scaling with {series}")
        for value, (shape, queries) in sizes.items():
            milliseconds = spread([1000 / found for found in rates[value][1:]])
            patched = queries * len(places(shape.layers)) * len(METHODS)
            rows.append({"series": series, "value": int(value), "patched_queries": patched}
                        | {f"milliseconds_{key}": rounded(float(milliseconds[key]))
                           for key in ("median", "low", "high")}
                        | {"rounds": rounds})  # fmt: skip
    return pd.DataFrame(rows)


def write_scaling(table: pd.DataFrame, folder: Path) -> None:
    """scaling.csv, scaling.svg and scaling.png."""
    write_csv(folder / "scaling.csv", table)
    with theme():
        figure = new_figure(11, 3.6)
        panels = figure.subplots(1, len(AXES), sharey=True)
        for axes, (series, label) in zip(panels, AXES.items(), strict=True):
            points = table[table["series"] == series]
            sns.lineplot(points, x="value", y="milliseconds_median", marker="o", ax=axes)
            axes.fill_between(
                points["value"], points["milliseconds_low"], points["milliseconds_high"], alpha=0.2
            )
            axes.set(xscale="log", xlabel=label, ylabel="ms per patched query")
            axes.set_xticks(points["value"], list(map(_short, points["value"])))
            axes.minorticks_off()
        panels[0].set_ylim(0, None)
        panels[0].figure.suptitle("Cost of a patched query, median and range of rounds")
    save_figure(figure, folder / "scaling", ("svg", "png"))


def _short(value: int) -> str:
    return f"{value // 1000}k" if value >= 10_000 else str(value)


def _size(shape: Shape, series: str, value: int) -> tuple[Shape, int]:
    if series == "queries":
        return shape, value
    return replace(shape, **{series: value}), QUERIES


def _rate(shape: Shape, queries: int) -> Rate:
    engine, every = Lean(random_model(shape), shape.documents), places(shape.layers)
    batches = random_batches(shape, queries, BATCH_SIZE)
    patched = queries * len(every) * len(METHODS)
    return rate(lambda: engine.sweep(batches, every, METHODS), patched)
