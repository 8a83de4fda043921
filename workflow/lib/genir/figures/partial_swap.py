"""Parts of the pre-trained encoder inside a model's own."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.figures.heat_map import heat_map
from genir.figures.style import BROKEN, chosen, count_note, distinct, label, panels, rows_of

KINDS = ("self_attention", "mlp", "up_to")
_KIND_LABELS = {"up_to": "embedding and\nlayers up to this"}


def draw(table: pd.DataFrame) -> Figure:
    """Draw what parts of the pre-trained encoder do inside a model's own: heat map of encoder layer
    by part, the embedding as its own first row; one panel a model."""
    rows = chosen(table, "vocabulary ranks", rank_kind="vocabulary")
    models, layers = distinct(rows["model"]), rows["layer"].nunique()

    def panel(axes: Axes, _: str, model: str) -> None:
        _heat_map(axes, rows_of(rows, model=model), model, model == models[-1])

    return panels([""], models, panel, (1.4 + 4.1 * len(models), 2.4 + 0.5 * layers))


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


def _heat_map(axes: Axes, rows: pd.DataFrame, model: str, bar: bool) -> None:
    values = matrix(rows)
    named = values.set_axis([_KIND_LABELS.get(kind, label(kind)) for kind in values], axis=1)
    heat_map(axes, named, values.map("{:.0f}".format), (0, 100), BROKEN if bar else None)
    axes.set_facecolor("0.92")
    axes.grid(visible=False)
    axes.set_ylabel("encoder layer")
    axes.set_title(f"{model}, {count_note(rows['n'])}")
