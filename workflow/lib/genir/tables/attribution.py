"""Attribution patching judged by exact patches."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genir.base.names import ABLATIONS
from genir.estimates.agreement import agreement
from genir.estimates.intervals import columns
from genir.files.io import read_json, read_parquet
from genir.tables.page import NO_RANK, Table, with_interval

COLUMNS = (
    "model unit ablation method steps measure value low high n seconds exact_seconds"
).split()
METHODS = {
    "gradient": ("attribution", 0),
    "integrated_1": ("integrated_gradients", 1),
    "integrated_5": ("integrated_gradients", 5),
    "integrated_20": ("integrated_gradients", 20),
}
_MEASURES = {"spearman": "Spearman", "top_overlap": "overlap of the top 5 %"}


@dataclass(frozen=True)
class AttributionFiles:
    """Of one model the estimates for edges and heads and how long they took, and exact edges and
    how long these took."""

    model: str
    edges: Path
    heads: Path
    seconds: Path
    exact: Path
    exact_seconds: Path


def make(files: list[AttributionFiles], seed: int) -> Table:
    """Tabulate how well effects by gradients agree with exact ones, over the same queries.

    Args:
        files: what attribution and patch_edge wrote, one entry a model.
    """
    rows = [row for model in files for row in _rows(model, seed)]
    frame = pd.DataFrame(rows)[COLUMNS]
    return Table(frame, shown(frame), NO_RANK, "Correct validation queries.")


def _rows(files: AttributionFiles, seed: int) -> Iterator[dict[str, Any]]:
    taken, patched = read_json(files.seconds), read_json(files.exact_seconds)
    edges, exact = read_parquet(files.edges), read_parquet(files.exact)
    ends = ["query_id", "method", "source", "source_layer", "reader", "reader_layer"]
    lost = exact.assign(exact=exact["unmodified"] - exact["difference"])
    edges = edges.merge(lost[[*ends, "exact"]], on=ends, validate="one_to_one", how="left")
    for unit, frame in {"edges": edges, "heads": read_parquet(files.heads)}.items():
        for ablation in [name for name in ABLATIONS if (frame["method"] == name).any()]:
            part = frame[(frame["method"] == ablation) & frame["exact"].notna()]
            units = int((part["query_id"] == part["query_id"].iloc[0]).sum())
            documents = part["doc_id"].to_numpy()[::units]
            grid = {n: part[n].to_numpy(float).reshape(-1, units).T for n in ["exact", *METHODS]}
            times = {"exact": patched[ablation]} | taken[ablation][unit]
            for name, (method, steps) in METHODS.items():
                for measure, found in agreement(grid["exact"], grid[name], documents, seed).items():
                    yield (
                        {"model": files.model, "unit": unit, "ablation": ablation}
                        | {"method": method, "steps": steps, "measure": measure}
                        | columns(found)
                        | {"seconds": times[name], "exact_seconds": times["exact"]}
                    )


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """A line per model, unit, ablation and estimate."""
    keys = ["model", "unit", "ablation", "method", "steps"]
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    cells = with_interval(frame)
    for (key, measure), cell, row in zip(
        zip(frame[keys].itertuples(index=False, name=None), frame["measure"], strict=True),
        cells,
        frame.itertuples(),
        strict=True,
    ):
        line = lines.setdefault(key, dict(zip(keys, key, strict=True)))
        line[_MEASURES[measure]] = cell
        line |= {"n": row.n, "seconds": row.seconds, "seconds, exact": row.exact_seconds}
    table = pd.DataFrame(list(lines.values()))
    return table[[*keys, *_MEASURES.values(), "n", "seconds", "seconds, exact"]]
