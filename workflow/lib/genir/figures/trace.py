"""The trace of one typed query."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import COMPONENTS
from genir.figures.bars import bar_positions
from genir.figures.heat_map import heat_map
from genir.figures.style import COMPONENT_COLOURS, distinct, label, new_figure, rows_of, theme
from genir.tables.trace import one_line

SOURCES = ("residual", "mlp", "cross_attention")
TITLE_LENGTH = 90
WORD_LENGTH = 24


def trace_figure(trace: dict[str, Any]) -> Figure:
    """Rank of the traced document by the logit lens, what every component adds to its logit, and
    what it loses without a word of the query."""
    document, read = trace["document"], pd.DataFrame(trace["words"])
    found = f"[{document['doc_id']}] {document['title']}, rank {document['vocabulary_rank']}"
    with theme():
        below = 0.8 + 0.26 * read["word"].nunique()
        figure = new_figure(11, 4.4 + below)
        above, under = figure.subfigures(2, 1, height_ratios=(4.4, below))
        ranks, logit = above.subplots(1, 2)
        _words(under.subplots(), read)
        _ranks(ranks, pd.DataFrame(trace["ranks"]))
        _contributions(logit, pd.DataFrame(trace["contributions"]), document["logit"])
        title = "\n".join(_cut(text) for text in (trace["query"], found))
        figure.suptitle(title, parse_math=False)
        handles, labels = logit.get_legend_handles_labels()
        others, names = ranks.get_legend_handles_labels()
        above.legend(
            [others[0], *handles],
            [names[0], *labels],
            loc="outside lower center",
            ncols=5,
            frameon=False,
        )
    return figure


def _ranks(axes: Axes, rows: pd.DataFrame) -> None:
    for source in SOURCES:
        part = rows_of(rows, source=source)
        style = {"color": COMPONENT_COLOURS[source], "label": label(source)}
        axes.plot(part["layer"], part["vocabulary_rank"], "o-", **style)
    axes.set_yscale("log")
    axes.invert_yaxis()
    axes.set_xticks(sorted(rows["layer"].unique()))
    axes.set_xlabel("decoder layer")
    axes.set_ylabel("vocabulary rank\n(log scale, 1 = best)")
    axes.set_title("logit lens of the traced document")


def _contributions(axes: Axes, rows: pd.DataFrame, logit: float) -> None:
    start = rows_of(rows, component="embedding")["value"]
    axes.bar(-1, start, 0.27, color=COMPONENT_COLOURS["residual"], label="embedding")
    layers = sorted(rows["layer"].dropna().astype(int).unique())
    for index, component in enumerate(COMPONENTS):
        places = bar_positions(len(layers), index, len(COMPONENTS))
        values = rows_of(rows, component=component)["value"]
        colour = COMPONENT_COLOURS[component]
        axes.bar(places, values, 0.27, color=colour, label=label(component))
    axes.axhline(0, color="0.3", linewidth=0.8)
    axes.set_xticks([-1, *layers], ["start", *layers])
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("decoder layer")
    axes.set_ylabel("adds to the logit")
    axes.set_title(f"parts of the logit, in sum {logit:.2f}")


def _words(axes: Axes, rows: pd.DataFrame) -> None:
    rows = rows.assign(
        where=rows["layer"].map(lambda layer: "all" if layer != layer else int(layer))
    )
    lost = rows.assign(value=rows["logit_difference_lost"].astype(float))
    values = lost.pivot(index="word", columns="where", values="value")[distinct(rows["where"])]
    texts = values.map(lambda value: f"{round(value, 1) + 0.0:.1f}")
    names = rows.drop_duplicates("word").set_index("word")["text"]
    values.index = [_cut(name, WORD_LENGTH) for name in names[values.index]]
    reach = float(np.nanmax(np.abs(values.to_numpy()), initial=0.1))
    heat_map(axes, values, texts, (-reach, reach), colours="RdBu_r", size=8)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.set_xlabel("decoder layer")
    axes.set_title("logits lost without a word in the cross-attention of a layer, or of all")


def _cut(text: str, length: int = TITLE_LENGTH) -> str:
    line = one_line(text)
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"
