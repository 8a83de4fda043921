"""Retrieval quality of every system (the study's Table 1)."""

from pathlib import Path

import pandas as pd

from genir.files.io import read_csv
from genir.tables import published
from genir.tables.page import Table, wide

COLUMNS = "system dataset split_mode split slice metric value low high n".split()
RANKS = (
    "rank kind: docid (run files hold documents only, and BM25 has no other rank); "
    "paper_comparison sets vocabulary ranks beside the study's"
)


def make(files: list[Path], paper: Path) -> Table:
    """Put the retrieval quality of all systems into one table, the study's with them.

    Args:
        files: CSV files of retrieval_metrics.
        paper: resources/paper/table1_retrieval.csv.
    """
    parts = [read_csv(path) for path in files]
    frame = pd.concat([*parts, published.retrieval(paper)], ignore_index=True)
    frame = frame[COLUMNS].astype({"n": "Int64"})
    return Table(frame, shown(frame), RANKS)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per system, split and slice."""
    return wide(frame, ["system", "dataset", "split_mode", "split", "slice", "n"], "metric")
