"""Edges: what is lost when one component does not read another one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genir.analyses.used_stages import read_stages, stage_of_layers
from genir.base.names import ABLATIONS
from genir.estimates.intervals import mean_ratio_intervals, wilson
from genir.files.io import read_parquet
from genir.tables.page import NO_RANK, Table, sections, with_interval

SHOWN = 20
PLACES = ["source", "source_layer", "source_stage", "reader", "reader_layer", "reader_stage"]
COLUMNS = ["model", "method", *PLACES, "value", "low", "high", "n", "percent_not_first"]


def make(files: dict[str, Path], stages: dict[str, Path], seed: int) -> Table:
    """Tabulate every edge: the share of the logit difference that is lost without it.

    Args:
        files: model -> the edges that patch_edge wrote.
    """
    parts = []
    for model, path in files.items():
        used = read_stages(stages[model])["used"]
        effects = edge_table(read_parquet(path), [p for p in PLACES if "stage" not in p], seed)
        for end in ("source", "reader"):
            effects[f"{end}_stage"] = effects[f"{end}_layer"].map(stage_of_layers(used))
            effects[f"{end}_stage"] = effects[f"{end}_stage"].fillna("all")
        parts.append(effects.assign(model=model))
    frame = pd.concat(parts, ignore_index=True)[COLUMNS]
    return Table(frame, shown(frame), NO_RANK, "Correct validation queries.")


def edge_table(frame: pd.DataFrame, places: Sequence[str], seed: int) -> pd.DataFrame:
    """A row for every method and edge or group of edges, of a file of `patch_edge`: how much of the
    logit difference it takes, as `logit_difference_lost`, with low, high, n, and the percent of
    queries whose document is no longer first among the documents."""
    parts = []
    for method in [name for name in ABLATIONS if (frame["method"] == name).any()]:
        part = frame[(frame["method"] == method) & frame["unmodified"].notna()]
        names = part[places].drop_duplicates()
        whole, clusters = _by_edge(part, "unmodified", len(names))[0], part["doc_id"]
        lost = whole - _by_edge(part, "difference", len(names))
        documents = clusters.to_numpy()[:: len(names)]
        values = mean_ratio_intervals(lost, whole, documents, seed)
        broken = (_by_edge(part, "docid_rank", len(names)) > 1).mean(1) * 100
        columns = dict(zip(("value", "low", "high"), values, strict=True))
        n = len(documents) if np.isfinite(values[0]).all() else wilson(0, 0).n
        parts.append(names.assign(method=method, **columns, n=n, percent_not_first=broken))
    return pd.concat(parts, ignore_index=True)


def _by_edge(part: pd.DataFrame, column: str, edges: int) -> np.ndarray:
    """`[edge, query]` of a table that has all edges of a query together."""
    return part[column].to_numpy().reshape(-1, edges).T


def shown(frame: pd.DataFrame) -> str:
    """The edges without which most is lost."""
    parts = {}
    for (model, method), part in frame.groupby(["model", "method"], sort=False):
        most = part.nlargest(SHOWN, "value")
        cells: Mapping[str, pd.Series] = {
            "source": _ends(most, "source"),
            "reader": _ends(most, "reader"),
            "logit difference lost": with_interval(most),
            "no longer first (%)": most["percent_not_first"],
            "n": most["n"],
        }
        parts[f"{model}, {method}: first {len(most)} of {len(part)} edges"] = pd.DataFrame(cells)
    return sections(parts)


def _ends(rows: pd.DataFrame, end: str) -> pd.Series:
    layer = rows[f"{end}_layer"].map(lambda number: "" if number < 0 else f"{number} ")
    stage = rows[f"{end}_stage"].map(lambda name: "" if name == "all" else f" ({name})")
    return layer + rows[end] + stage
