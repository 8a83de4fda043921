"""What all figures share: theme, colours, files that are the same every time."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from genir.errors import AnalysisError
from genir.files import atomic_path, read_csv
from genir.provenance import METADATA_KEY, metadata
from genir.seed_copies import is_seed_copy

_COLOURS = sns.color_palette("colorblind")
COMPONENT_COLOURS = {
    "self_attention": _COLOURS[2],
    "cross_attention": _COLOURS[0],
    "mlp": _COLOURS[1],
    "residual": (0.2, 0.2, 0.2),
}
LABELS = {
    "self_attention": "self-attention",
    "cross_attention": "cross-attention",
    "mlp": "MLP",
    "residual": "residual stream",
    "mean_leave_one_out": "mean, leave one out",
    "pretrained": "pre-trained",
    "pretrained_own_norm": "pre-trained,\nown final norm",
    "hits_at_1": "Hits@1",
    "recall_at_5": "R@5",
    "hits_at_10": "Hits@10",
    "bm25_text": "BM25",
    "bm25_text_queries": "BM25 with\ntraining queries",
    "rd": "RD pooled",
}
# Without dates and version strings, and with a fixed salt, the same table gives the same bytes.
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_PROVENANCE_KEY = {"svg": "Description", "png": METADATA_KEY, "pdf": "Subject"}
_THEME = {
    "svg.hashsalt": "genir",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 11,
    "figure.titlesize": 13,
}
_LEAST_TOP = 5.0


def label(name: str) -> str:
    return LABELS.get(name, name)


@contextmanager
def theme() -> Iterator[None]:
    """The project's look, for the duration of a block."""
    look = sns.axes_style("whitegrid") | sns.plotting_context("notebook", font_scale=0.9)
    with mpl.rc_context(look | _THEME):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches, drawn by Agg."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(
    figure: Figure, stem: Path, formats: Iterable[str], dots_per_inch: int = 150
) -> None:
    """Write `stem`.<format> for every format, each whole or not at all, its provenance inside.

    Raises AnalysisError for a format other than svg, png and pdf.
    """
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    with theme():
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for name in formats:
        if name not in _METADATA:
            raise AnalysisError(f"{name!r} is no figure format; write one of {list(_METADATA)}")
        with theme(), atomic_path(stem.with_name(f"{stem.name}.{name}")) as path:
            held = _METADATA[name] | {_PROVENANCE_KEY[name]: metadata()}
            figure.savefig(path, format=name, metadata=held, dpi=dots_per_inch)


def read_table(path: Path) -> pd.DataFrame:
    """A table without its rows of models that are copies of another with another seed: figures
    have a panel or a bar for every model."""
    table = read_csv(path)
    names = table["system" if "system" in table else "model"]
    return table[~names.map(is_seed_copy).astype(bool)]


def rows_of(table: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    """The rows whose columns have the wanted values."""
    for name, value in wanted.items():
        table = table[table[name] == value]
    return table


def in_order(values: Iterable[str], first: Iterable[str]) -> list[str]:
    """The distinct values, those of `first` in its order, then the others as they come."""
    present = list(dict.fromkeys(values))
    known = [value for value in first if value in present]
    return known + [value for value in present if value not in known]


def error_bars(
    axes: Axes, positions: np.ndarray, rows: pd.DataFrame, value: str, **names: str
) -> None:
    """Interval bars; `names` says which columns hold `low` and `high` if not those."""
    middle = rows[value].to_numpy(float)
    low, high = (rows[names.get(end, end)].to_numpy(float) for end in ("low", "high"))
    lengths = np.clip(np.nan_to_num(np.stack([middle - low, high - middle])), 0, None)
    axes.errorbar(positions, middle, lengths, fmt="none", ecolor="0.15", elinewidth=1.1, capsize=2)


def count_note(counts: Iterable[float]) -> str:
    """ "n = 396" or "n = 40 to 120"."""
    numbers = sorted({int(count) for count in counts if not pd.isna(count)})
    if not numbers:
        return "n not given"
    return f"n = {numbers[0]}" if len(numbers) == 1 else f"n = {numbers[0]} to {numbers[-1]}"


def top_percent(percents: pd.Series) -> float:
    """Where a colour scale of percents ends: at the largest, at least 5."""
    return max(_LEAST_TOP, float(np.nan_to_num(percents).max()))


def percent_text(percent: float) -> str:
    """ "0.3", and "0" for nothing at all."""
    return "0" if percent == 0 else f"{percent:.1f}"


def require_rows(table: pd.DataFrame, what: str) -> None:
    """Raises AnalysisError if there is nothing to draw."""
    if table.empty:
        raise AnalysisError(f"the table holds no rows of {what}; choose targets that produce them")
