"""Every number of the study beside ours."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from genir.analyses.used_stages import read_stages
from genir.base.names import STAGES
from genir.estimates.intervals import Interval, columns, wilson
from genir.files.io import read_csv
from genir.study import paper
from genir.tables.page import MIXED_RANKS, Table, dataset_facts, with_interval

COLUMNS = "table dataset item unit rank_kind paper ours low high n model corpus".split()
NOTE = (
    "The study's numbers are T5-large's on its own datasets, without n and interval; an interval "
    "marked as derived is Wilson's for an n that the number can be taken back to. Compare the "
    "pattern, not the size."
)
CORRECT_NQ10K = 396
_OURS = ("ours", "low", "high", "n")
_BESIDE = {"all": "NQ10k", "T5-large": "NQ10k"}
_TEST = {"split": "test", "rank_kind": "vocabulary"}
_FULL = _TEST | {"variant": "full", "kind": "absolute"}
_CIRCUIT = _TEST | {"variant": "study"}
_CORRECT = {"queries": "correct", "rank_kind": "vocabulary"}
_LACKING = {
    "table2_encoder_swap": "the model has no such reduced model",
    "table3_stage_patching": "the method is not in patching.methods or needs pre-trained weights",
    "pretrained_encoder_mean_rank": "the model has no pre-trained weights",
    "stage3_vs_stage1_cosine": "Stage III has no layer but the last",
}


@dataclass(frozen=True)
class OurTables:
    """CSV files of our tables, by rule."""

    encoder_swap: Path
    patching_by_stage: Path
    circuit: Path
    docid_share: Path
    direct_contribution: Path
    top_heads: Path
    late_cosines: Path


@dataclass(frozen=True)
class OurModel:
    """The model that stands beside the study's numbers of `dataset`, with the manifest of its own
    dataset and its stages (JSON)."""

    dataset: str
    model: str
    manifest: Path
    stages: Path


def make(published: Path, tables: OurTables, models: list[OurModel]) -> Table:
    """Put every number of the study beside ours.

    Ours is empty where no model stands beside the number's dataset, low and high where it is a
    count.

    Args:
        published: folder with the study's numbers, resources/paper.
        tables: CSV files of our tables.
        models: the models that stand beside the study's, one a dataset.
    """
    frames = {name: read_csv(path) for name, path in vars(tables).items()}
    ours = {model.dataset: our_numbers(model, frames) for model in models}
    facts = {model.dataset: _facts(model) for model in models}
    rows = []
    for row in paper.numbers(published).to_dict("records"):
        dataset = _BESIDE.get(row["dataset"], row["dataset"])
        interval = ours.get(dataset, {}).get((row["table"], row["item"]))
        beside = {} if interval is None else columns(interval, _OURS) | facts[dataset]
        rows.append(row | beside)
    frame = pd.DataFrame(rows, columns=COLUMNS).astype({"n": "Int64"})
    return Table(frame, shown(frame, published), MIXED_RANKS, NOTE)


def our_numbers(
    model: OurModel, tables: dict[str, pd.DataFrame]
) -> dict[tuple[str, str], Interval]:
    """(table, item) as in `paper.numbers` -> ours, in the study's unit."""
    own = {name: frame[frame["model"] == model.model] for name, frame in tables.items()}
    stages = read_stages(model.stages)["used"]
    parts = {
        "table1_retrieval": _retrieval(own["circuit"]),
        "table2_encoder_swap": _encoder_swap(own["encoder_swap"]),
        "table3_stage_patching": _patching(own["patching_by_stage"]),
        "table4_circuit": _circuit(own["circuit"]),
        "table5_docid_share": _docid_share(own["docid_share"]),
        "in_text_numbers": _in_text(own, stages) | _stage_layers(stages),
    }
    return {(table, item): value for table, part in parts.items() for item, value in part.items()}


def shown(frame: pd.DataFrame, published: Path) -> pd.DataFrame:
    """One line per number of the study, with the interval its n allows and what is to be said of
    it."""
    table = frame[["table", "dataset", "item", "unit", "rank_kind"]].copy()
    table["paper"] = frame["paper"].map("{:.5g}".format)
    table["paper, derived interval"] = [_derived(row) for row in frame.to_dict("records")]
    table["ours"] = with_interval(frame, "ours")
    table = table.assign(n=frame["n"], model=frame["model"], corpus=frame["corpus"])
    notes = paper.notes(published)
    compared = set(frame["dataset"][frame["ours"].notna()])
    table["note"] = [_note(row, notes, compared) for row in frame.to_dict("records")]
    return table


def derived_interval(table: str, dataset: str, unit: str, value: float) -> Interval | None:
    """The study's number with the Wilson interval of the n it can be taken back to: 10 removed
    documents in its Table 2, 396 correct queries in its Table 3 for NQ10k. None where no count of
    396 gives the percentage."""
    if unit == "of 10":
        return wilson(round(value), 10).times(10)
    if table != "table3_stage_patching" or dataset != "NQ10k":
        return None
    count = round(value / 100 * CORRECT_NQ10K)
    fits = round(100 * count / CORRECT_NQ10K, 2) == value
    return wilson(count, CORRECT_NQ10K).times(100) if fits else None


def _facts(model: OurModel) -> dict[str, str]:
    facts = dataset_facts(model.manifest)
    corpus = "{corpus}/{dataset}, split {split_mode}".format(**facts)
    return {"model": model.model, "corpus": corpus}


def _rows(frame: pd.DataFrame, **wanted: str) -> list:
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    return list(frame.itertuples(index=False))


def _interval(row, scale: float = 1.0) -> Interval:  # noqa: ANN001
    return Interval(row.value, row.low, row.high, int(row.n)).times(scale)


def _retrieval(frame: pd.DataFrame) -> dict[str, Interval]:
    return {row.metric: _interval(row, 100) for row in _rows(frame, **_FULL)}


def _encoder_swap(frame: pd.DataFrame) -> dict[str, Interval]:
    scales = {"mrr": 1, "hits_at_1": 10}
    return {
        f"{row.encoder} {row.measure}": _interval(row, scales[row.measure])
        for row in _rows(frame, rank_kind="vocabulary", queries="removed")
        if row.measure in scales
    }


def _patching(frame: pd.DataFrame) -> dict[str, Interval]:
    return {
        f"{row.method} {row.stage} {row.component}": Interval(
            row.broken_percent, row.low, row.high, int(row.n)
        )
        for row in _rows(frame, rank_kind="vocabulary")
    }


def _circuit(frame: pd.DataFrame) -> dict[str, Interval]:
    return {f"{row.metric} {row.kind}": _interval(row, 100) for row in _rows(frame, **_CIRCUIT)}


def _docid_share(frame: pd.DataFrame) -> dict[str, Interval]:
    rows = _rows(frame, queries="correct", unit="head", stage="II")
    return {f"top {row.top}": _interval(row) for row in rows}


def _in_text(own: dict[str, pd.DataFrame], stages: dict[str, list[int]]) -> dict[str, Interval]:
    direct, heads = own["direct_contribution"], own["top_heads"]
    shared = {"queries": "correct", "component": "cross_attention", "stage": "all"}
    chosen = {
        "pretrained_encoder_mean_rank": _rows(
            own["encoder_swap"], encoder="pretrained", measure="mean_rank", **_CORRECT
        ),
        "mlp_only_not_first": _rows(direct, source="mlp", measure="percent_not_first", **_CORRECT),
        "cross_attention_only_rank": _rows(
            direct, source="cross_attention", measure="percent_beyond_100", **_CORRECT
        ),
        "top5_shared_heads": _rows(heads, measure="percent_always", **shared),
        "stage3_vs_stage1_cosine": _largest(own["late_cosines"], stages["III"][0]),
    }
    found = {item: _interval(rows[0]) for item, rows in chosen.items() if rows}
    circuit = _rows(own["circuit"], **_CIRCUIT)[0]
    active = Interval(circuit.active / circuit.components, np.nan, np.nan, int(circuit.components))
    return found | {"active_components": active}


def _largest(cosines: pd.DataFrame, first_layer: int) -> list:
    """The largest mean cosine from `first_layer` on; the table lacks the last layer."""
    rows = [row for row in _rows(cosines, queries="correct") if row.layer >= first_layer]
    return [max(rows, key=lambda row: row.value)] if rows else []


def _stage_layers(used: dict[str, list[int]]) -> dict[str, Interval]:
    layers = used["III"][1] + 1
    return {
        f"stage_{number}_layers {end}": Interval(float(layer), np.nan, np.nan, layers)
        for number, stage in enumerate(STAGES, start=1)
        for end, layer in zip(("first", "last"), used[stage], strict=True)
    }


def _derived(row: dict) -> str:
    interval = derived_interval(row["table"], row["dataset"], row["unit"], row["paper"])
    if interval is None:
        return ""
    low, high = interval.low, interval.high
    return f"[{low:.3g}, {high:.3g}], n = {interval.n}"


def _note(row: dict, notes: dict[str, str], compared: set[str]) -> str:
    said = notes.get(row["item"], "")
    if not pd.isna(row["ours"]):
        return said
    if row["dataset"] in compared:
        missing = _LACKING.get(row["item"]) or _LACKING.get(row["table"], "not computed")
    else:
        missing = f"no model has study_dataset: {_BESIDE.get(row['dataset'], row['dataset'])}"
    return "; ".join(filter(None, [f"not compared: {missing}", said]))
