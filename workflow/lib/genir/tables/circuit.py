"""The circuit: quality of a model of which whole components are replaced (the study's Table 4)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genir.analyses.circuit import FIXED, recorded_cells, replacements
from genir.analyses.stages import patched_stages
from genir.analyses.used_stages import read_stages
from genir.base.names import COMPONENTS, RANK_KINDS
from genir.estimates.intervals import columns, mean_interval, ratio_interval
from genir.estimates.patch_effects import aligned, logit_difference_lost
from genir.estimates.ranks import read_ranks
from genir.files.io import read_json
from genir.tables import published
from genir.tables.page import VOCABULARY_RANK, Table, wide, with_interval

FULL = "full"
SPLITS = ("test", "validation")
DEPTHS = {"hits_at_1": 1, "recall_at_5": 5, "hits_at_10": 10}
COLUMNS = (
    "model variant split metric kind rank_kind value low high n active components stages paper"
).split()
_METRIC_NAMES = {"hits_at_1": "Hits@1", "recall_at_5": "R@5", "hits_at_10": "Hits@10"}


@dataclass(frozen=True)
class CircuitFiles:
    """What is known of one model's circuits: the folder with <variant>.<split>.parquet and
    automatic.json, the folder with the unmodified model's <split>.ranks.parquet, its stages."""

    model: str
    variants: list[str]
    folder: Path
    evaluated: Path
    stages: Path


def make(files: list[CircuitFiles], paper_circuit: Path, seed: int) -> Table:
    """Tabulate the circuits, beside the study's values.

    Every metric of the unmodified model (variant `full`) and of every circuit, over all queries of
    a split; `relative` is the circuit's metric over the unmodified model's on the same queries.
    Metrics are shares of queries whose best-ranked relevant document is among the first 1, 5 or 10;
    `logit_difference_lost` is that of the queries that the unmodified model answers.
    `active` of `components` are not replaced. The study's numbers stand beside its own circuit.

    Args:
        files: what circuit and evaluate wrote, one entry a model.
        paper_circuit: resources/paper/table4_circuit.csv.
    """
    records = []
    for model in files:
        for split in SPLITS:
            clean = read_ranks(model.evaluated / f"{split}.ranks.parquet")
            for variant, facts in _variants(model).items():
                ranks = clean
                if variant != FULL:
                    ranks = read_ranks(model.folder / f"{variant}.{split}.parquet")
                records += [
                    {"split": split} | facts | row for row in _rows(variant, clean, ranks, seed)
                ]
    frame, paper = pd.DataFrame(records), published.circuit(paper_circuit)
    given = [paper.get(key) for key in zip(frame["metric"], frame["kind"], strict=True)]
    rows = frame["variant"].eq("study") & frame["split"].eq("test")
    rows &= frame["rank_kind"].eq("vocabulary")
    frame["paper"] = pd.Series(given, dtype=float).where(rows)
    return Table(frame[COLUMNS], shown(frame), VOCABULARY_RANK)


def _variants(files: CircuitFiles) -> dict[str, dict[str, Any]]:
    """Variant -> what every row of it says."""
    stages = read_stages(files.stages)
    layers = patched_stages(stages["used"])
    components = len(COMPONENTS) * (layers["all"][1] + 1)
    automatic = recorded_cells(read_json(files.folder / "automatic.json"))
    cells = {FULL: {}} | FIXED | {"automatic": automatic}
    shared = {"model": files.model, "components": components, "stages": stages["status"]}
    return {
        variant: {"variant": variant}
        | shared
        | {"active": components - len(replacements(cells[variant], layers))}
        for variant in [FULL, *files.variants]
    }


def _rows(variant: str, clean: pd.DataFrame, ranks: pd.DataFrame, seed: int) -> list[dict]:
    clean, ranks = aligned(clean, ranks)
    clusters = clean["doc_id"].to_numpy()
    rows = []
    for metric, depth in DEPTHS.items():
        for rank_kind in RANK_KINDS:
            before, after = (table[f"{rank_kind}_rank"] <= depth for table in (clean, ranks))
            intervals = {"absolute": mean_interval(after, clusters, seed)}
            if variant != FULL:
                intervals["relative"] = ratio_interval(after, before, clusters, seed)
            rows += [
                {"metric": metric, "kind": kind, "rank_kind": rank_kind} | columns(interval)
                for kind, interval in intervals.items()
            ]
    if variant != FULL:
        lost = columns(logit_difference_lost(clean, ranks, seed))
        names = {"metric": "logit_difference_lost", "kind": "relative"}
        rows += [names | {"rank_kind": rank_kind} | lost for rank_kind in RANK_KINDS]
    return rows


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Vocabulary ranks, one line per model, split and variant, with the study's numbers."""
    frame = frame[frame["rank_kind"] == "vocabulary"]
    lost = frame["metric"] == "logit_difference_lost"
    part = frame[~lost]
    rows = ["model", "split", "variant", "active", "components", "stages"]
    kinds = part["kind"].map({"absolute": "", "relative": " relative"})
    part = part.assign(
        column=part["metric"].map(_METRIC_NAMES) + kinds,
        # A relative metric that does not exist has n = 0.
        n=part.groupby(rows)["n"].transform("max"),
    )
    table = wide(part, [*rows, "n"], "column")
    given = part.dropna(subset="paper").groupby(rows)[["column", "paper"]].apply(_paper_cell)
    keys = list(table[rows].itertuples(index=False, name=None))
    differences = frame[lost].set_index(rows)
    cells = {"logit difference lost": with_interval(differences), "n difference": differences["n"]}
    for name, cell in cells.items():
        table[name] = [cell.to_dict().get(key, "") for key in keys]
    table[published.LABEL] = [given.to_dict().get(key, "") for key in keys]
    return table


def _paper_cell(part: pd.DataFrame) -> str:
    pairs = zip(part["column"], part["paper"], strict=True)
    return ", ".join(f"{column} {value:g}" for column, value in pairs)
