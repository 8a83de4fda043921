"""The trace of one typed query."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.base.names import COMPONENTS
from genir.figures.bars import bar_positions
from genir.figures.style import COMPONENT_COLOURS, label, new_figure, rows_of, theme
from genir.tables.trace import one_line

SOURCES = ("residual", "mlp", "cross_attention")
TITLE_LENGTH = 90


def trace_figure(trace: dict[str, Any]) -> Figure:
    """Rank of the traced document by the logit lens, and what every component adds to its logit."""
    document = trace["document"]
    found = f"[{document['doc_id']}] {document['title']}, rank {document['vocabulary_rank']}"
    with theme():
        figure = new_figure(11, 4.4)
        ranks, logit = figure.subplots(1, 2)
        _ranks(ranks, pd.DataFrame(trace["ranks"]))
        _contributions(logit, pd.DataFrame(trace["contributions"]), document["logit"])
        title = "\n".join(_cut(text) for text in (trace["query"], found))
        figure.suptitle(title, parse_math=False)
        handles, labels = logit.get_legend_handles_labels()
        others, names = ranks.get_legend_handles_labels()
        figure.legend(
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


def _cut(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1].rstrip()}…"
