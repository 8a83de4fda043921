"""Retrieval quality of every system (the study's Table 1)."""

from pathlib import Path

import pandas as pd

from genir.files import read_csv
from genir.tables import paper
from genir.tables.markdown import wide

COLUMNS = "system dataset split_mode split slice metric value low high n".split()


def retrieval_table(files: list[Path], paper_table: Path) -> pd.DataFrame:
    """The rows of all `files` of retrieval_metrics, and the study's."""
    parts = [read_csv(path) for path in files]
    frame = pd.concat([*parts, paper.retrieval(paper_table)], ignore_index=True)
    return frame[COLUMNS].astype({"n": "Int64"})


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per system, split and slice."""
    return wide(frame, ["system", "dataset", "split_mode", "split", "slice", "n"], "metric")
