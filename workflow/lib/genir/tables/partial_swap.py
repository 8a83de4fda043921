"""Parts of the pre-trained encoder inside a model's own."""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from genir.base.errors import AnalysisError
from genir.base.names import RANK_KINDS
from genir.estimates.intervals import bootstrap_mean, columns, mean_interval
from genir.estimates.patch_effects import DIFFERENCE_LOST, aligned, logit_difference_lost
from genir.estimates.ranks import read_queries, read_ranks, select
from genir.tables.page import VOCABULARY_RANK, Table, with_interval

COLUMNS = "model part kind layer rank_kind percent_not_first low high n".split()
COLUMNS += ["mean_rank", "mean_rank_low", "mean_rank_high", *DIFFERENCE_LOST]
_NAMES = ("percent_not_first", "low", "high", "n")
_MEAN = ("mean_rank", "mean_rank_low", "mean_rank_high", "n")
_PART = re.compile(r"(?P<up>up_to\.)?layer(?P<layer>\d+)(?:\.(?P<half>self_attention|mlp))?")


@dataclass(frozen=True)
class PartFile:
    """Ranks of `model` with one `part` of its encoder from the pre-trained one."""

    model: str
    part: str
    path: Path


def make(
    files: list[PartFile], correct: dict[str, Path], clean: dict[str, Path], seed: int
) -> Table:
    """Tabulate what each part of the pre-trained encoder does inside a model's own: percent of
    correct queries no longer first, their mean rank, and how much of the logit difference is lost.

    Args:
        files: ranks of every validation query, one file a model and part.
    """
    queries = {model: read_queries(path)["query_id"] for model, path in correct.items()}
    unmodified = {model: read_ranks(path) for model, path in clean.items()}
    records = []
    for file in files:
        found = read_ranks(file.path)
        ranks = select(found, queries[file.model], file.path)
        kind, layer = kind_and_layer(file.part)
        names = {"model": file.model, "part": file.part, "kind": kind, "layer": layer}
        lost = logit_difference_lost(*aligned(unmodified[file.model], found), seed)
        names |= columns(lost, DIFFERENCE_LOST)
        records += [names | _row(ranks, rank_kind, seed) for rank_kind in RANK_KINDS]
    frame = pd.DataFrame(records, columns=COLUMNS).astype({"layer": "Int64"})
    return Table(frame, shown(frame), VOCABULARY_RANK)


def kind_and_layer(part: str) -> tuple[str, int | None]:
    """`up_to.layer2` -> ("up_to", 2), `layer0.mlp` -> ("mlp", 0), `embedding` -> no layer.

    Raises AnalysisError for any other form.
    """
    if part == "embedding":
        return part, None
    match = _PART.fullmatch(part)
    if match is None or bool(match["up"]) == bool(match["half"]):
        raise AnalysisError(
            f"{part!r} is no part of an encoder; write embedding, layer<l>.self_attention, "
            "layer<l>.mlp or up_to.layer<l>"
        )
    return match["half"] or "up_to", int(match["layer"])


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Vocabulary ranks, one line per model and part."""
    part = frame[frame["rank_kind"] == "vocabulary"]
    table = part[["model", "part", "n"]].copy()
    table["percent no longer first"] = with_interval(part, "percent_not_first")
    names = ("mean_rank", "mean_rank_low", "mean_rank_high")
    return table.assign(
        **{
            "mean rank": with_interval(part, *names),
            "logit difference lost": with_interval(part, *DIFFERENCE_LOST[:3]),
            "n difference": part["logit_difference_lost_n"],
        }
    )


def _row(ranks: pd.DataFrame, rank_kind: str, seed: int) -> dict:
    values, documents = ranks[f"{rank_kind}_rank"].to_numpy(), ranks["doc_id"].to_numpy()
    not_first = mean_interval(values > 1, documents, seed)
    mean = bootstrap_mean(values, documents, seed)
    return {"rank_kind": rank_kind} | columns(not_first, _NAMES, scale=100) | columns(mean, _MEAN)
