"""Parts of the pre-trained encoder inside a model's own."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.figures.style import count_note, label, new_figure, require_rows, rows_of, theme

KINDS = ("self_attention", "mlp", "up_to")
_KIND_LABELS = {"up_to": "embedding and\nlayers up to this"}


def partial_swap_figure(table: pd.DataFrame) -> Figure:
    """Heat map of encoder layer by part, the embedding as its own first row; one panel a model."""
    rows = rows_of(table, rank_kind="vocabulary")
    require_rows(rows, "vocabulary ranks")
    models = list(dict.fromkeys(rows["model"]))
    layers = rows["layer"].nunique()
    with theme():
        figure = new_figure(1.4 + 4.1 * len(models), 2.4 + 0.5 * layers)
        grid = figure.subplots(1, len(models), squeeze=False)[0]
        for axes, model in zip(grid, models, strict=True):
            _panel(axes, rows_of(rows, model=model), model, axes is grid[-1])
    return figure


def matrix(rows: pd.DataFrame) -> pd.DataFrame:
    """Percent no longer first, `[embedding and layers, kind]`; the embedding fills its row's last
    cell only, as the swap up to before layer 0."""
    layers = rows.dropna(subset="layer").pivot(
        index="layer", columns="kind", values="percent_not_first"
    )
    layers = layers.reindex(columns=list(KINDS)).sort_index()
    layers.index = layers.index.astype(int)
    embedding = rows_of(rows, kind="embedding")["percent_not_first"]
    first = pd.DataFrame({"up_to": embedding.to_numpy()}, index=["embedding"][: len(embedding)])
    stacked = pd.concat([first.reindex(columns=list(KINDS)).astype(float), layers.astype(float)])
    return stacked.set_axis([str(name) for name in stacked.index])


def _panel(axes: Axes, rows: pd.DataFrame, model: str, bar: bool) -> None:
    values = matrix(rows)
    sns.heatmap(
        values.set_axis([_KIND_LABELS.get(kind, label(kind)) for kind in values], axis=1),
        **{"ax": axes, "annot": True, "fmt": ".0f", "vmin": 0, "vmax": 100, "cmap": "cividis"},
        **{"cbar": bar, "cbar_kws": {"label": "no longer first (% of correct queries)"}},
        mask=values.isna().to_numpy(),
    )
    axes.set_facecolor("0.92")
    axes.grid(visible=False)
    axes.tick_params(axis="x", rotation=0)
    axes.tick_params(axis="y", rotation=0)
    axes.set(ylabel="encoder layer")
    axes.set_title(f"{model}, {count_note(rows['n'])}")
