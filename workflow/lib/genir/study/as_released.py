"""Numbers of the study three times: with a mask, as its released code computes them, as printed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genir.base.names import (
    EVALUATED,
    PATCHED_STAGES,
    RELEASED,
    STUDY,
    UNMODIFIED,
    WITH_MASK,
    Method,
)
from genir.base.patched_files import circuit_split, patch_files, patch_name, table_file
from genir.estimates.intervals import NAMES, Interval, columns, mean_interval, ratio_interval
from genir.estimates.patch_effects import aligned
from genir.estimates.ranks import rank_measures, read_queries, read_ranks
from genir.files.io import read_csv, read_parquet
from genir.study.paper import numbers
from genir.tables.circuit import DEPTHS
from genir.tables.page import Table, sections, with_interval

RANKS = (
    "rank kind: vocabulary (among all tokens), as in the released code; the CSV beside this file "
    "also holds single layers"
)
NOTE = (
    "Percent, but for MRR. As released: no attention mask, queries padded to so many tokens "
    "(padded_tokens; empty where the code does not pad)."
)
OWN, MASKED, BOTH = "own", "correct_with_mask", "correct_both"
_SIDES = tuple(
    tuple(f"{side}{end}" for end in ("", "_low", "_high", "_n"))
    for side in ("with_mask", "as_released")
)
COLUMNS = ["model", "table", "queries", "cell", *_SIDES[0], *_SIDES[1], "padded_tokens", "paper"]
PAPER = {
    ("retrieval", "test"): "table1_retrieval",
    ("patching_by_stage", OWN): "table3_stage_patching",
    ("circuit", OWN): "table4_circuit",
    ("encoder_swap", "removed"): "table2_encoder_swap",
}
"""Our table and queries -> the study's table that has the same cells."""
_TENS = 10
_NONE = Interval(np.nan, np.nan, np.nan, 0)


@dataclass(frozen=True)
class ReleasedModel:
    """The folders of one model: what as_released, evaluate, patch_stage, patch_component, circuit
    and encoder_swap wrote, the last where it has reduced models, with the documents they lack
    (CSV). `dataset` is that of the study whose numbers stand beside it, if any do."""

    model: str
    released: Path
    evaluated: Path
    patch_stage: Path
    patch_component: Path
    circuit: Path
    methods: list[Method]
    layers: int
    dataset: str | None = None
    encoder_swap: Path | None = None
    removed: Path | None = None


def make(
    models: list[ReleasedModel],
    communication: Path,
    published: Path,
    padded_tokens: int,
    seed: int,
) -> Table:
    """Compare what is computed with a mask with what the study's released code computes.

    Queries of patches: `own`, either side over the queries that it calls correct itself, which is
    what either prints; `correct_with_mask`, both over those that are correct with a mask;
    `correct_both`, those of them that padding alone, `unmodified`, does not break. Means and padded
    length are those of the list of correct queries, also of the circuit's test queries, whose
    `relative` is over the evaluation (`own`) or over the unmodified model padded alike.

    Args:
        models: the folders of each model.
        communication: CSV of table_communication.
        published: folder with the study's numbers, resources/paper.
        padded_tokens: the length that the released evaluation pads to.
    """
    shares = read_csv(communication)
    rows = [row for model in models for row in _rows(model, shares, padded_tokens, seed)]
    frame = pd.DataFrame(rows, columns=COLUMNS[:-1])
    given = numbers(published).set_index(["table", "dataset", "item"])["paper"]
    datasets = {model.model: model.dataset for model in models}
    frame["paper"] = [_printed(row, datasets, given.to_dict()) for row in frame.to_dict("records")]
    whole = dict.fromkeys(["padded_tokens", *(side[3] for side in _SIDES)], "Int64")
    frame = frame.astype({"paper": float} | whole)
    return Table(frame, shown(frame), RANKS, NOTE)


def shown(frame: pd.DataFrame) -> str:
    """A section for each table but single layers."""
    parts = {}
    for name, part in frame[frame["table"] != "patching"].groupby("table", sort=False):
        table = part[["model", "queries", "cell"]].copy()
        for side, heading in zip(_SIDES, ("with mask", "as released"), strict=True):
            table[heading] = with_interval(part, *side[:3])
            table[f"n {heading}"] = part[side[3]]
        parts[name] = table.assign(padded=part["padded_tokens"], paper=part["paper"])
    return sections(parts)


def _rows(
    model: ReleasedModel, shares: pd.DataFrame, padded_tokens: int, seed: int
) -> Iterator[dict[str, Any]]:
    found = {
        "retrieval": _retrieval(model, padded_tokens, seed),
        "patching_by_stage": _patching(model, model.patch_stage, PATCHED_STAGES, seed),
        "patching": _patching(model, model.patch_component, range(model.layers), seed),
        "circuit": _circuit(model, seed),
        "encoder_swap": _encoder_swap(model, seed),
        "communication": _communication(model, shares),
    }
    for table, cells in found.items():
        for queries, cell, with_mask, released, tokens in cells:
            names = {"model": model.model, "table": table, "queries": queries, "cell": cell}
            sides = columns(with_mask, _SIDES[0]) | columns(released, _SIDES[1])
            yield names | sides | {"padded_tokens": tokens}


Cell = tuple[str, str, Interval, Interval, int | None]
"""Queries, cell, with a mask, as released, padded length."""


def _retrieval(model: ReleasedModel, tokens: int, seed: int) -> Iterator[Cell]:
    released = _by(read_parquet(model.released / table_file("evaluation")), "split")
    for split in reversed(EVALUATED):
        with_mask = read_ranks(model.evaluated / f"{split}.ranks.parquet")
        for metric, depth in DEPTHS.items():
            sides = (_hits(ranks, depth, seed) for ranks in (with_mask, released[split]))
            yield split, metric, *sides, tokens


def _patching(model: ReleasedModel, folder: Path, places: Any, seed: int) -> Iterator[Cell]:
    """Percent no longer first under every patch, over each of the lists of queries."""
    released = read_parquet(model.released / table_file("patching"))
    clean = read_ranks(model.evaluated / "validation.ranks.parquet")
    masked = {UNMODIFIED: (UNMODIFIED, clean)} if places is PATCHED_STAGES else {}
    for (method, place, component), path in patch_files(folder, model.methods, places).items():
        where = f"layer{place}" if isinstance(place, int) else place
        cell = f"{method} {where} {component}"
        masked[patch_name(method, place, component)] = cell, read_ranks(path)
    lists = {name: _by(part, "patch") for name, part in _by(released, "list").items()}
    correct = clean.loc[clean["vocabulary_rank"] == 1, "query_id"]
    unbroken = _first(lists[WITH_MASK][UNMODIFIED])
    for patch, (cell, table) in masked.items():
        for queries, name, chosen in (
            (OWN, RELEASED, None),
            (MASKED, WITH_MASK, correct),
            (BOTH, WITH_MASK, unbroken),
        ):
            own = correct if chosen is None else chosen
            ours = _broken(table, own, seed)
            theirs = lists[name][patch] if name in lists else None
            interval = _NONE if theirs is None else _broken(theirs, chosen, seed)
            tokens = None if theirs is None else int(theirs["padded_tokens"].iloc[0])
            yield queries, cell, ours, interval, tokens


def _circuit(model: ReleasedModel, seed: int) -> Iterator[Cell]:
    """Hits of the test queries under the study's circuit, absolute and relative."""
    released = read_parquet(model.released / table_file("circuit"))
    evaluated = read_parquet(model.released / table_file("evaluation"))
    evaluation = evaluated[evaluated["split"] == "test"]
    clean = read_ranks(model.evaluated / "test.ranks.parquet")
    ours = read_ranks(model.circuit / table_file(circuit_split(STUDY, "test")))
    for queries, name in ((OWN, RELEASED), (MASKED, WITH_MASK)):
        part = released[released["list"] == name]
        theirs, alike = (part[part["circuit"] == which] for which in (STUDY, UNMODIFIED))
        whole = evaluation if queries == OWN else alike
        tokens = int(part["padded_tokens"].iloc[0]) if len(part) else None
        for metric, depth in DEPTHS.items():
            absolute = [_hits(ranks, depth, seed) for ranks in (ours, theirs)]
            yield queries, f"{metric} absolute", *absolute, tokens
            sides = [_relative(*pair, depth, seed) for pair in ((ours, clean), (theirs, whole))]
            yield queries, f"{metric} relative", *sides, tokens


def _encoder_swap(model: ReleasedModel, seed: int) -> Iterator[Cell]:
    """The removed documents behind each reduced model's encoder, which the code does not pad."""
    if model.removed is None:
        return
    released = read_parquet(model.released / table_file("encoder_swap"))
    removed = read_queries(model.removed)
    for encoder, theirs in released.groupby("encoder"):
        ours = read_ranks(model.encoder_swap / table_file(encoder))
        own = removed.loc[removed["set"] == int(encoder.removeprefix("rd")), "query_id"]
        sides = [_measures(ranks, own, seed) for ranks in (ours, theirs)]
        yield "removed", f"{encoder} mrr", *(side["mrr"] for side in sides), None
        hits = (side["hits_at_1"].times(100) for side in sides)
        yield "removed", f"{encoder} hits_at_1", *hits, None


def _communication(model: ReleasedModel, shares: pd.DataFrame) -> Iterator[Cell]:
    """Percent of what pushes a stage's neurons, by source; the code does not pad here."""
    own = shares["model"].eq(model.model) & shares["queries"].eq("correct")
    keys = ["target_stage", "source", "source_stage"]
    ours = shares[own & shares["target"].eq("mlp")].set_index(keys)[[*NAMES]]
    for row in read_parquet(model.released / table_file("communication")).to_dict("records"):
        if (key := tuple(row[name] for name in keys)) in ours.index:
            cell = "mlp {} from {} {}".format(*key)
            cell += ", norm weights kept" if row["norm_weights"] == "kept" else ""
            sides = (Interval(*(side[name] for name in NAMES)) for side in (ours.loc[key], row))
            yield MASKED, cell, *(side.times(100) for side in sides), None


def _by(frame: pd.DataFrame, column: str) -> dict[str, pd.DataFrame]:
    return dict(iter(frame.groupby(column)))


def _measures(ranks: pd.DataFrame, queries: pd.Series, seed: int) -> dict[str, Interval]:
    part = ranks[ranks["query_id"].isin(queries)]
    return rank_measures(part["vocabulary_rank"], part["doc_id"], seed)


def _first(ranks: pd.DataFrame) -> pd.Series:
    return ranks.loc[ranks["vocabulary_rank"] == 1, "query_id"]


def _hits(ranks: pd.DataFrame, depth: int, seed: int) -> Interval:
    """Percent of queries whose document is among the first `depth`."""
    return mean_interval(ranks["vocabulary_rank"] <= depth, ranks["doc_id"], seed).times(100)


def _broken(ranks: pd.DataFrame, queries: pd.Series | None, seed: int) -> Interval:
    """Percent of `queries`, or of all, whose document is not first."""
    part = ranks if queries is None else ranks[ranks["query_id"].isin(queries)]
    return mean_interval(part["vocabulary_rank"] != 1, part["doc_id"], seed).times(100)


def _relative(ranks: pd.DataFrame, whole: pd.DataFrame, depth: int, seed: int) -> Interval:
    """Hits in percent of those of the `whole` model."""
    if ranks.empty:
        return _NONE
    whole, ranks = aligned(whole, ranks)
    before, after = (table["vocabulary_rank"] <= depth for table in (whole, ranks))
    return ratio_interval(after, before, whole["doc_id"], seed).times(100)


def _printed(
    row: Mapping[str, Any],
    datasets: Mapping[str, str | None],
    given: Mapping[tuple[str, str | None, str], float],
) -> float:
    """What the study prints, in percent but for MRR."""
    table = PAPER.get((row["table"], row["queries"]), "")
    value = given.get((table, datasets[row["model"]], row["cell"]), np.nan)
    return value * _TENS if table == "table2_encoder_swap" and "hits" in row["cell"] else value
