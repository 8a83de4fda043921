"""What knocking words out of the query does, layer by layer and by kind of word."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.figures.heat_map import heat_map
from genir.figures.style import chosen, distinct, panels, rows_of
from genir.tables.query_words import KINDS, LOST

LABEL = "logit difference lost without a word (1 = all of it)"
FEW = 20


def draw(table: pd.DataFrame) -> Figure:
    """Draw how much of the logit difference is lost when the cross-attention of a layer, a stage or
    of all layers does not see one word of the query, or the encoder's state there is the mean
    state; a panel for each model, kinds of words as rows, one colour scale."""
    rows = chosen(table, "words", measure=LOST)
    rows = rows.assign(where=rows["where"].str.replace("layer", "").str.replace("_", "\n"))
    models = distinct(rows["model"])
    # A handful of words must not make the colours of all others pale.
    many = rows.loc[rows["n"] >= FEW, "value"]
    reach = max(0.1, float((many if len(many) else rows["value"]).abs().max()))
    groups = [(kind, group) for kind, own in KINDS.items() for group in own]

    def panel(axes: Axes, model: str, _: None) -> None:
        part = rows_of(rows, model=model)
        counts = part.groupby(["kind", "group"])["n"].max()
        values = part.pivot(index=["kind", "group"], columns="where", values="value")
        present = [place for place in groups if place in values.index]
        values = values.loc[present, distinct(part["where"])]
        texts = values.map(lambda value: f"{round(value, 2) + 0.0:.2f}")
        values.index = [_row(*place, int(counts[place])) for place in present]
        heat_map(axes, values, texts, (-reach, reach), LABEL, "RdBu_r", size=6.5)
        axes.set_title(f"{model}, words of correct queries")
        axes.set_xlabel("decoder layers whose cross-attention does not see the word")

    width = 3.4 + 0.42 * rows["where"].nunique()
    return panels(models, [None], panel, (width, (1.1 + 0.27 * len(groups)) * len(models)))


def _row(kind: str, group: str, n: int) -> str:
    name = group if kind in ("all", "in_document") else f"{kind}: {group}"
    return f"{name.replace('_', ' ')} (n = {n})"
