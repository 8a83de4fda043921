"""The study's claims and what our numbers say about them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genir.analyses.used_stages import read_stages
from genir.base.names import PATCHED_STAGES
from genir.base.patched_files import patch_files
from genir.estimates.intervals import columns
from genir.estimates.paired_tests import holm
from genir.estimates.ranks import read_queries, read_ranks
from genir.files.io import read_csv, read_parquet
from genir.study.claim_rules import CLAIMS, SIGNIFICANCE, Evidence, Judgement, judge
from genir.tables.communication import stage_shares
from genir.tables.encoder_swap import SwapModel
from genir.tables.page import MIXED_RANKS, Table, p_value, with_interval

COLUMNS = "model claim rule verdict value low high n p reason stages".split()
NOTE = (
    "A claim is supported if the whole 95 % interval fulfils its rule, not supported if nothing of "
    "it does. Points are percentage points, shares are 0 to 1. "
)
_METHODS = ("zero", "mean", "pretrained")
# Of what the inequalities compare; points are percentage points.
UNITS = {
    "self_attention_removable": "percent",
    "stage_one_mlps_query_agnostic": "points",
    "cross_attention_bridges": "points",
    "stage_three_mlps_adapted_most": "points",
    "one_third_suffices": "ratio",
    "decoder_retrieves": "difference of shares",
    "heads_speak_words": "percent",
    "mlps_write_ranking": "points",
    "stage_one_primes_stage_two": "difference of shares",
    "stage_two_feeds_stage_three": "difference of shares",
}
_PERCENT_PART = "percent broken by the mean"
_NOT_SIGNIFICANT = "the p value, Holm-corrected within the table, is not below 0.05"


@dataclass(frozen=True)
class ClaimFiles:
    """What the claims about one model are judged by: files and folders of the rules of these
    names, and the methods and encoders there are in two of them."""

    model: str
    clean: Path
    correct: Path
    stages: Path
    patch_stage: Path
    methods: list[str]
    encoder_swap: Path
    encoders: list[str]
    direct_contribution: Path
    communication: Path
    removed: Path | None = None


def make(files: list[ClaimFiles], docid_share: Path, circuit: Path, seed: int) -> Table:
    """Judge the study's claims by the intervals of our numbers, a row per model and claim.

    value, low, high and n are those of the inequality, or of its weakest part. p is that of the
    paired test of no difference, the largest if there are several, Holm-corrected over all rows
    that have one. stages: found, imposed, or empty where the claim is about none.

    Args:
        files: what the claims about each model are judged by.
        docid_share: CSV of the table docid_share.
        circuit: CSV of the table circuit.
    """
    shares, circuits = read_csv(docid_share), read_csv(circuit)
    records = []
    for of_model in files:
        tables = [table[table["model"] == of_model.model] for table in (shares, circuits)]
        evidence = read_evidence(of_model, *tables, seed)
        for name, claim in CLAIMS.items():
            names = {"model": of_model.model, "claim": name, "rule": claim.rule}
            records.append(names | _row(judge(claim, evidence)))
    frame = _corrected(pd.DataFrame(records, columns=COLUMNS))
    return Table(frame, shown(frame), MIXED_RANKS, NOTE + counted(frame))


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per model and claim."""
    table = frame[["model", "claim", "rule", "verdict", "n", "p", "reason"]].copy()
    imposed = frame["stages"] == "imposed"
    table["verdict"] = frame["verdict"].mask(imposed, frame["verdict"] + ", of the imposed layers")
    table.insert(4, "number", with_interval(frame))
    table.insert(5, "unit", [_unit(row) for row in frame.itertuples()])
    return table.assign(p=table["p"].map(p_value)).rename(columns={"p": "p (Holm)"})


def counted(frame: pd.DataFrame) -> str:
    """How many claims got which verdict, those judged of imposed layers apart."""
    imposed = frame["stages"].map({"imposed": "of the imposed layers"})
    places = imposed.fillna("on stages that were found, or on none")
    found = []
    for (model, place), part in frame.groupby(["model", places], sort=False):
        counts = part["verdict"].value_counts()
        said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        found.append(f"{model}, {place}: {said}.")
    return " ".join(found)


def _unit(row: Any) -> str:
    """The unit of the number; that of `stage_one_mlps_query_agnostic` depends on its weakest
    part, which the reason names."""
    if pd.isna(row.value):
        return ""
    return "percent" if _PERCENT_PART in row.reason else UNITS[row.claim]


def _row(judgement: Judgement) -> dict:
    row = {name: getattr(judgement, name) for name in ("verdict", "stages", "reason")}
    if judgement.shown is None:
        return row
    return row | columns(judgement.shown.interval) | {"p": judgement.p}


def _corrected(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.fillna({"stages": ""}).astype({"p": float, "n": "Int64"})
    frame["p"] = holm(frame["p"])
    weak = (frame["verdict"] == "supported") & (frame["p"] >= SIGNIFICANCE)
    said = frame["reason"].where(frame["reason"] == "", frame["reason"] + "; ") + _NOT_SIGNIFICANT
    frame["reason"] = frame["reason"].mask(weak, said)
    return frame


def read_evidence(
    files: ClaimFiles, docid_share: pd.DataFrame, circuit: pd.DataFrame, seed: int
) -> Evidence:
    """The evidence in the files of one model and in its rows of the two tables."""
    stages, clean = read_stages(files.stages), read_ranks(files.clean)
    methods = [name for name in _METHODS if name in files.methods]
    patched = patch_files(files.patch_stage, methods, PATCHED_STAGES)
    patches = {cell: read_ranks(path) for cell, path in patched.items()}
    ranks = {name: read_ranks(files.encoder_swap / f"{name}.parquet") for name in files.encoders}
    removed = None if files.removed is None else read_queries(files.removed)
    return Evidence(
        clean=clean,
        patches=patches,
        stages=stages["status"],
        swap=SwapModel(ranks, read_queries(files.correct), removed),
        direct=read_parquet(files.direct_contribution),
        communication=stage_shares(read_parquet(files.communication), stages["used"]),
        docid_share=docid_share,
        circuit=circuit,
        seed=seed,
    )
