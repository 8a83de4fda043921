"""Other encoders before a model's decoder (the study's Table 2)."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from genir.base.names import RANK_KINDS
from genir.estimates.intervals import Interval, columns
from genir.estimates.paired_tests import Difference, holm, paired_difference
from genir.estimates.patch_effects import aligned, logit_difference_lost
from genir.estimates.ranks import rank_measures, read_queries, read_ranks, select
from genir.tables import published
from genir.tables.page import VOCABULARY_RANK, Table, p_value, wide

POOLED = "rd"
DIFFERENCE = "control_minus_removed"
COLUMNS = "model encoder queries measure rank_kind value low high n p_holm paper".split()
NOTE = "The paper's mean rank probably counts from 0, ours from 1."
_PAPER_NAMES = {"mrr": "MRR", "hits_at_1": "Hits@1", "mean_rank": "mean rank"}


@dataclass(frozen=True)
class SwapFile:
    """Ranks of `model` behind one `encoder`, every validation query."""

    model: str
    encoder: str
    path: Path


@dataclass(frozen=True)
class SwapModel:
    """One model's ranks by encoder, its correct queries and, where reduced models were trained,
    the removed documents (set, doc_id, query_id)."""

    ranks: dict[str, pd.DataFrame]
    correct: pd.DataFrame
    removed: pd.DataFrame | None


def make(
    files: list[SwapFile],
    correct: dict[str, Path],
    removed: dict[str, Path],
    paper_swap: Path,
    paper_in_text: Path,
    seed: int,
) -> Table:
    """Compare encoders before each model's decoder, by every measure and group of queries.

    Groups: `correct`, all correct queries; `removed<i>`, those of removed set i; `removed`, the
    encoder's own set (rd<i>) or all sets (others); `control`, for rd<i> the other sets. The encoder
    `rd` pools rd1 to rd4; its `control_minus_removed` is the paired difference over its queries,
    with the p value of its test, Holm-corrected within the table. `logit_difference_lost` is that
    of the correct queries, beside the encoder `full`.

    Args:
        files: ranks of every validation query, one file a model and encoder.
        removed: model -> its removed documents (CSV); models without reduced models are left out.
        paper_swap: resources/paper/table2_encoder_swap.csv.
        paper_in_text: resources/paper/in_text_numbers.csv.
    """
    records = []
    for model in dict.fromkeys(file.model for file in files):
        records += model_rows(model, _load(model, files, correct, removed), seed)
    frame = pd.DataFrame(records, columns=COLUMNS[:-1]).astype({"p_holm": float})
    frame["p_holm"] = holm(frame["p_holm"])
    paper = published.encoder_swap(paper_swap, paper_in_text)
    keys = zip(frame["encoder"], frame["queries"], frame["measure"], strict=True)
    frame["paper"] = [paper.get(key) for key in keys]
    frame["paper"] = frame["paper"].astype(float).where(frame["rank_kind"] == "vocabulary")
    return Table(frame[COLUMNS], shown(frame), VOCABULARY_RANK, NOTE)


def model_rows(model: str, data: SwapModel, seed: int) -> list[dict]:
    """The rows of one model."""
    rows = []
    for kind in RANK_KINDS:
        for encoder, ranks in data.ranks.items():
            for name, queries in query_groups(encoder, data).items():
                part = select(ranks, queries, f"{model}, encoder {encoder}")
                rows += _rows(model, encoder, name, kind, part, seed)
            if "full" in data.ranks:
                lost = logit_difference_lost(*aligned(data.ranks["full"], ranks), seed)
                rows.append(_row(model, encoder, "correct", "logit_difference_lost", kind, lost))
        if pooled_encoders(data):
            rows += _pooled_rows(model, kind, data, seed)
    return rows


def query_groups(encoder: str, data: SwapModel) -> dict[str, pd.Series]:
    """Name of a group -> its query ids, for one encoder; see `make`."""
    groups = {"correct": data.correct["query_id"]}
    if data.removed is None:
        return groups
    own = _own_set(encoder)
    queries, sets = data.removed["query_id"], data.removed["set"]
    if own is None:
        groups["removed"] = queries
    else:
        groups |= {"removed": queries[sets == own], "control": queries[sets != own]}
    return groups | {f"removed{number}": part for number, part in queries.groupby(sets)}


def pooled_encoders(data: SwapModel) -> dict[int, pd.DataFrame]:
    """Removed set -> ranks behind the encoder trained without it; empty unless there are two."""
    if data.removed is None:
        return {}
    own = {_own_set(encoder): ranks for encoder, ranks in data.ranks.items() if _own_set(encoder)}
    return own if len(own) > 1 else {}


def pooled_ranks(data: SwapModel) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ranks of every removed query behind its own reduced encoder, and behind each of the others
    (one row per query and encoder)."""
    own, others = [], []
    for number, ranks in pooled_encoders(data).items():
        sets = data.removed.groupby("set")["query_id"]
        for removed, queries in sets:
            part = select(ranks, queries, f"encoder rd{number}")
            (own if removed == number else others).append(part)
    return pd.concat(own), pd.concat(others)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Vocabulary ranks, one line per model, encoder and group, with the study's numbers."""
    part = frame[frame["rank_kind"] == "vocabulary"]
    rows = ["model", "encoder", "queries", "n"]
    table = wide(part, rows, "measure")
    keys = list(table[rows].itertuples(index=False, name=None))
    tested = part.dropna(subset="p_holm").set_index(rows)["p_holm"].to_dict()
    table["p (Holm)"] = [p_value(tested.get(key)) for key in keys]
    given = part.dropna(subset="paper").groupby(rows)[["measure", "paper"]].apply(_paper_cell)
    table[published.LABEL] = [given.to_dict().get(key, "") for key in keys]
    return table


def _paper_cell(part: pd.DataFrame) -> str:
    pairs = zip(part["measure"], part["paper"], strict=True)
    return ", ".join(f"{_PAPER_NAMES[measure]} {value:g}" for measure, value in pairs)


def _pooled_rows(model: str, kind: str, data: SwapModel, seed: int) -> list[dict]:
    own, others = pooled_ranks(data)
    rows = _rows(model, POOLED, "removed", kind, own, seed)
    rows += _rows(model, POOLED, "control", kind, others, seed)
    difference = pooled_difference(data, kind, seed)
    row = _row(model, POOLED, DIFFERENCE, "hits_at_1", kind, difference)
    return [*rows, row | {"p_holm": difference.p}]


def pooled_difference(data: SwapModel, kind: str, seed: int) -> Difference:
    """Hits@1 of every removed query behind the encoders that have seen its document, minus behind
    the one that has not, by rank `kind`."""
    own, others = pooled_ranks(data)
    hit = others[f"{kind}_rank"].eq(1).groupby(others["query_id"]).mean()
    control = own["query_id"].map(hit).to_numpy(float)
    return paired_difference(control, own[f"{kind}_rank"].eq(1), own["doc_id"], seed)


def _rows(
    model: str, encoder: str, queries: str, kind: str, ranks: pd.DataFrame, seed: int
) -> list[dict]:
    if ranks.empty:
        return []
    values, clusters = ranks[f"{kind}_rank"].to_numpy(), ranks["doc_id"].to_numpy()
    count = ranks["query_id"].nunique()
    return [
        _row(model, encoder, queries, measure, kind, replace(interval, n=count))
        for measure, interval in rank_measures(values, clusters, seed).items()
    ]


def _row(
    model: str, encoder: str, queries: str, measure: str, kind: str, interval: Interval
) -> dict:
    names = {"model": model, "encoder": encoder, "queries": queries, "measure": measure}
    return names | {"rank_kind": kind} | columns(interval)


def _own_set(encoder: str) -> int | None:
    number = encoder.removeprefix(POOLED)
    return int(number) if encoder.startswith(POOLED) and number.isdigit() else None


def _load(
    model: str, files: list[SwapFile], correct: dict[str, Path], removed: dict[str, Path]
) -> SwapModel:
    ranks = {file.encoder: read_ranks(file.path) for file in files if file.model == model}
    sets = read_queries(removed[model]) if model in removed else None
    return SwapModel(ranks, read_queries(correct[model]), sets)
