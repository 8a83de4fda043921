"""The trace of one typed query as a page of text."""

from typing import Any

import pandas as pd

from genir.tables.page import to_markdown

CONTRIBUTORS = 10
SOURCES = {"residual": "residual stream", "mlp": "MLP", "cross_attention": "cross-attention"}
NOTE = (
    "A model ranks all its documents whatever is typed: there is always an answer, also to words "
    "that no document is about. This is one query, so no number here has an interval."
)


def trace_page(trace: dict[str, Any]) -> str:
    """What `genir.analyses.trace_query` found, in Markdown."""
    document = trace["document"]
    name = f"[{one_line(document['doc_id'])}] {one_line(document['title'])}"
    parts = [
        f"# {one_line(trace['query'])}",
        f"Read as: {_read(trace)}. {_unknown(trace['unknown_words'])}",
        NOTE,
        "## What the model puts first",
        to_markdown(_documents(trace)),
        f"## How {name} comes up",
        f"Its logit is {document['logit']:.3f}, its vocabulary rank {document['vocabulary_rank']}. "
        "Vocabulary rank (docid rank) by the logit lens: the residual stream after each layer, "
        "the output of its MLP and of its cross-attention.",
        to_markdown(_ranks(trace)),
        "## Who writes its logit",
        f"The {CONTRIBUTORS} largest of {len(trace['contributions'])} contributions, which add up "
        "to the logit.",
        to_markdown(_contributors(trace)),
        "## Which word finds it",
        "What its logit loses of its lead over the best other document when cross-attention sees a "
        "word in no layer, and when one layer does not see it, the one where that costs most. All "
        "layers are in the picture.",
        to_markdown(_words(trace)),
        "## What the cross-attention heads say",
        to_markdown(_heads(trace)),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def one_line(text: str) -> str:
    """A text without line breaks and other control characters."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())


def _read(trace: dict[str, Any]) -> str:
    left_out = trace["pieces_left_out"]
    note = f" ({left_out} more pieces are left out, queries are cut)" if left_out else ""
    return " ".join(trace["pieces"]) + note


def _unknown(words: list[str]) -> str:
    if not words:
        return "The tokenizer knows every piece."
    listed = ", ".join(one_line(word) for word in words)
    return f"The tokenizer does not know all of: {listed}. The answer rests on the rest."


def _documents(trace: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(trace["documents"]).rename(columns={"vocabulary_rank": "vocabulary rank"})
    return frame[["doc_id", "title", "logit", "vocabulary rank"]]


def _ranks(trace: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(trace["ranks"])
    cells = [
        f"{vocabulary} ({docid})"
        for vocabulary, docid in zip(frame["vocabulary_rank"], frame["docid_rank"], strict=True)
    ]
    wide = frame.assign(cell=cells).pivot_table(
        index="layer", columns="source", values="cell", aggfunc="first"
    )
    return wide[list(SOURCES)].rename(columns=SOURCES).reset_index()


def _contributors(trace: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(trace["contributions"])
    largest = frame.loc[frame["value"].abs().sort_values(ascending=False, kind="stable").index]
    named = largest.assign(layer=largest["layer"].astype("Int64"))
    return named.head(CONTRIBUTORS).rename(columns={"value": "adds to the logit"})


def _words(trace: dict[str, Any]) -> pd.DataFrame:
    """A row for each word of the query."""
    rows = []
    for _, own in pd.DataFrame(trace["words"]).groupby("word"):
        everywhere = own[own["layer"].isna()].iloc[0]
        single = own[own["layer"].notna()]
        most = single.loc[single["logit_difference_lost"].fillna(0).idxmax()]
        rows.append(
            {
                "word": one_line(everywhere["text"]),
                "pieces": everywhere["pieces"],
                "logits lost": everywhere["logit_difference_lost"],
                "vocabulary rank without it": everywhere["vocabulary_rank"],
                "layer that loses most": int(most["layer"]),
                "logits lost there": most["logit_difference_lost"],
            }
        )
    return pd.DataFrame(rows)


def _heads(trace: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(trace["heads"])
    joined = frame.assign(tokens=frame["tokens"].map(" ".join))
    return joined.rename(columns={"value": "adds to the logit", "tokens": "top tokens"})
