"""What all figures share: theme, colours, files that are the same every time."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backend_bases import get_registered_canvas_class
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from genir.base.errors import AnalysisError
from genir.base.names import is_seed_copy
from genir.files.io import accompanied_path, read_csv
from genir.files.provenance import METADATA_KEY, metadata

# seaborn's "colorblind", without the second that seaborn takes to be imported.
PALETTE = tuple(
    to_rgb(f"#{colour}")
    for colour in "0173b2 de8f05 029e73 d55e00 cc78bc ca9161 fbafe4 949494 ece133 56b4e9".split()
)
COMPONENT_COLOURS = {
    "self_attention": PALETTE[2],
    "cross_attention": PALETTE[0],
    "mlp": PALETTE[1],
    "residual": (0.2, 0.2, 0.2),
}
LABELS = {
    "self_attention": "self-attention",
    "cross_attention": "cross-attention",
    "mlp": "MLP",
    "residual": "residual stream",
    "mean_leave_one_out": "mean, leave one out",
    "pretrained": "pre-trained",
    "donor_random": "random donor",
    "donor_rival": "donor of the rival",
    "donor_pairs": "given donor",
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
# seaborn's style "whitegrid" and context "notebook", fonts of 0.9, where it is not matplotlib's.
_LOOK = {
    "axes.labelcolor": ".15",
    "xtick.color": ".15",
    "ytick.color": ".15",
    "axes.axisbelow": True,
    "text.color": ".15",
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "axes.grid": True,
    "axes.edgecolor": ".8",
    "grid.color": ".8",
    "xtick.bottom": False,
    "ytick.left": False,
    "axes.linewidth": 1.25,
    "grid.linewidth": 1,
    "xtick.major.width": 1.25,
    "ytick.major.width": 1.25,
    "xtick.minor.width": 1,
    "ytick.minor.width": 1,
    "xtick.major.size": 6,
    "ytick.major.size": 6,
    "xtick.minor.size": 4,
    "ytick.minor.size": 4,
    "font.size": 10.8,
    "axes.labelsize": 10.8,
    "xtick.labelsize": 9.9,
    "ytick.labelsize": 9.9,
    "legend.fontsize": 9.9,
    "legend.title_fontsize": 10.8,
}
_THEME = {
    "svg.hashsalt": "genir",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 11,
    "figure.titlesize": 13,
}
BROKEN = "no longer first (% of correct queries)"
_LEAST_TOP = 5.0


def label(name: str) -> str:
    return LABELS.get(name, name)


@contextmanager
def theme() -> Iterator[None]:
    """The project's look, for the duration of a block."""
    with mpl.rc_context(_LOOK | _THEME):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches, drawn by Agg."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panels(
    rows: Sequence[Any],
    columns: Sequence[Any],
    draw: Callable[[Axes, Any, Any], None],
    size: tuple[float, float],
    *,
    legend: Mapping[str, Any] | None = None,
    explained: int = 0,
    label: str | None = None,
    finish: Callable[[Figure, np.ndarray], None] | None = None,
    **options: Any,
) -> Figure:
    """A figure of `size` inches with a panel for each of `rows` and `columns`, drawn by
    `draw(axes, row, column)`.

    `label` is that of the y axes of the first column. `finish(figure, panels)` comes after all
    panels, then the legend of what is in column `explained` of the first row, below them unless
    `legend` says otherwise. `options` are those of `Figure.subplots`.
    """
    with theme():
        figure = new_figure(*size)
        grid = figure.subplots(len(rows), len(columns), squeeze=False, **options)
        for line, row in zip(grid, rows, strict=True):
            for axes, column in zip(line, columns, strict=True):
                draw(axes, row, column)
            if label is not None:
                line[0].set_ylabel(label)
        if finish is not None:
            finish(figure, grid)
        if legend is not None:
            handles, names = grid[0][explained].get_legend_handles_labels()
            place = {"loc": "outside lower center", "frameon": False}
            figure.legend(handles, names, **(place | legend))
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
        with theme(), accompanied_path(stem.with_name(f"{stem.name}.{name}")) as path:
            held = _METADATA[name] | {_PROVENANCE_KEY[name]: metadata()}
            figure.set_dpi(dots_per_inch)
            # Not by savefig, which draws everything once more to lay it out.
            canvas = get_registered_canvas_class(name)(figure)
            getattr(canvas, f"print_{name}")(path, metadata=held)


def read_table(path: Path) -> pd.DataFrame:
    """A table without its rows of models that are copies of another with another seed: figures
    have a panel or a bar for every model."""
    table = read_csv(path)
    names = table["system" if "system" in table else "model"]
    return table[~names.map(is_seed_copy).astype(bool)]


def chosen(table: pd.DataFrame, what: str, **wanted: Any) -> pd.DataFrame:
    """Like `rows_of`; raises AnalysisError if there is no row of `what` to draw."""
    rows = rows_of(table, **wanted)
    require_rows(rows, what)
    return rows


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


def shades(name: str, count: int) -> list[tuple[float, ...]]:
    """`count` colours out of a colour map, without its ends."""
    return [tuple(c) for c in mpl.colormaps[name](np.linspace(0, 1, count + 2)[1:-1])[:, :3]]


def banded_line(
    axes: Axes, rows: pd.DataFrame, style: str, colour: Any, alpha: float = 0.2, **options: Any
) -> None:
    """Values by layer as a line, their intervals as a band around it."""
    rows = rows.sort_values("layer")
    axes.plot(rows["layer"], rows["value"], style, color=colour, **options)
    axes.fill_between(rows["layer"], rows["low"], rows["high"], color=colour, alpha=alpha, lw=0)


def error_bars(
    axes: Axes, positions: np.ndarray, rows: pd.DataFrame, value: str, **names: str
) -> None:
    """Interval bars; `names` says which columns hold `low` and `high` if not those."""
    middle = rows[value].to_numpy(float)
    low, high = (rows[names.get(end, end)].to_numpy(float) for end in ("low", "high"))
    lengths = np.clip(np.nan_to_num(np.stack([middle - low, high - middle])), 0, None)
    axes.errorbar(positions, middle, lengths, fmt="none", ecolor="0.15", elinewidth=1.1, capsize=2)


def distinct(values: Iterable[str]) -> list[str]:
    """Values in the order of their first appearance."""
    return list(dict.fromkeys(values))


def stages_note(rows: pd.DataFrame) -> str:
    """ "stages imposed", where the stages of the rows come from."""
    return f"stages {', '.join(distinct(rows['stages']))}"


def count_note(counts: Iterable[float]) -> str:
    """ "n = 396" or "n = 40 to 120"."""
    numbers = sorted({int(count) for count in counts if not pd.isna(count)})
    if not numbers:
        return "n not given"
    return f"n = {numbers[0]}" if len(numbers) == 1 else f"n = {numbers[0]} to {numbers[-1]}"


def top_percent(percents: pd.Series) -> float:
    """Where a colour scale of percents ends: at the largest, at least 5."""
    return max(_LEAST_TOP, float(np.nan_to_num(percents).max()))


def require_rows(table: pd.DataFrame, what: str) -> None:
    """Raises AnalysisError if there is nothing to draw."""
    if table.empty:
        raise AnalysisError(f"the table holds no rows of {what}; choose targets that produce them")
