"""The results in one JSON object, taken from the tables."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genir.analyses.used_stages import read_stages
from genir.base.errors import AnalysisError
from genir.base.joins import check_known
from genir.base.names import BASELINES
from genir.estimates.ranks import read_queries
from genir.files.io import read_csv
from genir.tables.page import dataset_facts

METRICS = ("hits_at_1", "hits_at_10", "recall_at_5", "mrr_at_10", "ndcg_at_10")
SPLITS = {"validation": "valid", "test": "test"}
SWAP_QUERIES = ("removed", "control", "correct")
SWAP_MEASURES = ("mrr", "hits_at_1", "mean_rank", "median_rank")
INTERVAL = ("value", "low", "high", "n")
CLAIM = ("rule", "verdict", *INTERVAL, "p", "reason", "stages")


@dataclass(frozen=True)
class Tables:
    """CSV files of the tables; those of analyses that were not run are left out."""

    retrieval: Path
    encoder_swap: Path | None = None
    patching_by_stage: Path | None = None
    circuit: Path | None = None
    claims: Path | None = None


def summary(
    headline: str,
    tables: Tables,
    correct: dict[str, Path],
    stages: dict[str, Path],
    manifest: Path,
) -> dict[str, Any]:
    """Retrieval of all models and of the baselines on the headline model's dataset, whose
    `manifest` this is; encoder swap, patching by stage, circuits and claims for every model, the
    headline model's at the top level too.

    Raises AnalysisError if the headline model is not among the models, or a table lacks a model.
    """
    if headline not in correct:
        raise AnalysisError(
            f"the headline model {headline!r} is none of the models; write one of {list(correct)}"
        )
    corpus = dataset_facts(manifest)
    parts = {
        "encoder_swap": _by_model(tables.encoder_swap, swap_results, correct),
        "patching_by_stage": _by_model(tables.patching_by_stage, patching_results, correct),
        "circuit": _by_model(tables.circuit, circuit_results, correct),
        "claims": _by_model(tables.claims, claim_results, correct),
    }
    models = {model: {name: part[model] for name, part in parts.items()} for model in correct}
    counts = {model: len(read_queries(path)) for model, path in correct.items()}
    retrieval = read_csv(tables.retrieval)
    return {
        "corpus": {key: corpus[key] for key in ("corpus", "release", "dataset")}
        | {"split": corpus["split_mode"]},
        "headline": headline,
        "retrieval": retrieval_results(retrieval, list(correct), corpus["dataset"]),
        "correct_queries": counts,
        "stages": {model: read_stages(path) for model, path in stages.items()},
        **models[headline],
        "models": models,
    }


def retrieval_results(frame: pd.DataFrame, models: list[str], dataset: str) -> dict[str, Any]:
    """system -> split -> metric -> interval, slice all: models, and the baselines of `dataset`."""
    check_known(models, frame["system"], "the table of retrieval")
    baseline = frame["system"].isin(BASELINES) & (frame["dataset"] == dataset)
    rows = frame[(frame["system"].isin(models) | baseline) & (frame["slice"] == "all")]
    rows = rows[rows["metric"].isin(METRICS)].assign(split=rows["split"].map(SPLITS))
    return nested(rows, ["system", "split", "metric"])


def swap_results(frame: pd.DataFrame) -> dict[str, Any]:
    """encoder -> queries -> measure -> interval, by vocabulary rank."""
    rows = frame[frame["rank_kind"] == "vocabulary"]
    rows = rows[rows["queries"].isin(SWAP_QUERIES) & rows["measure"].isin(SWAP_MEASURES)]
    return nested(rows, ["encoder", "queries", "measure"])


def patching_results(frame: pd.DataFrame) -> dict[str, Any]:
    """method -> component -> stage -> interval of the percent no longer first, by vocabulary
    rank."""
    rows = frame[frame["rank_kind"] == "vocabulary"].rename(columns={"broken_percent": "value"})
    return nested(rows, ["method", "component", "stage"])


def circuit_results(frame: pd.DataFrame) -> dict[str, Any]:
    """variant -> split -> metric -> absolute or relative -> interval, by vocabulary rank, and
    variant -> active, components."""
    rows = frame[frame["rank_kind"] == "vocabulary"]
    rows = rows.assign(split=rows["split"].map(SPLITS))
    result = nested(rows, ["variant", "split", "metric", "kind"])
    for variant, part in rows.groupby("variant", sort=False):
        result[variant] |= {name: int(part[name].iloc[0]) for name in ("active", "components")}
    return result


def claim_results(frame: pd.DataFrame) -> dict[str, Any]:
    """claim -> rule, verdict, value, low, high, n, p, reason and stages; numbers that do not exist
    become null, and stages where the claim is about none."""
    result = {}
    for row in frame.fillna({"reason": ""}).to_dict("records"):
        judged = {name: None if pd.isna(row[name]) else row[name] for name in CLAIM}
        count = None if judged["n"] is None else int(judged["n"])
        result[row["claim"]] = judged | {"n": count, "stages": judged["stages"] or None}
    return result


def nested(frame: pd.DataFrame, keys: list[str]) -> dict[str, Any]:
    """Intervals under the values of `keys`; numbers that do not exist become null."""
    result: dict[str, Any] = {}
    for key, interval in zip(
        frame[keys].itertuples(index=False, name=None),
        frame[list(INTERVAL)].itertuples(index=False, name=None),
        strict=True,
    ):
        place = result
        for name in key:
            place = place.setdefault(name, {})
        place.update(zip(INTERVAL, _plain(*interval), strict=True))
    return result


def _plain(*interval: float) -> list[float | int | None]:
    value, low, high, n = interval
    numbers = [None if pd.isna(number) else float(number) for number in (value, low, high)]
    return [*numbers, int(n)]


def _by_model(path: Path | None, results, models: Iterable[str]) -> dict[str, dict[str, Any]]:  # noqa: ANN001
    """What a table has of every model; nothing if there is no table."""
    if path is None:
        return {model: {} for model in models}
    frame = read_csv(path)
    check_known(models, frame["model"], path)
    return {model: results(part) for model, part in frame.groupby("model", sort=False)}
