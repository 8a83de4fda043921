"""Rank of the relevant document layer by layer (the study's Fig. 4)."""

from pathlib import Path

import numpy as np
import pandas as pd

from genir.estimates.intervals import Interval, columns, mean_interval, statistic_interval
from genir.estimates.ranks import read_ranks, views
from genir.files.io import read_parquet
from genir.tables.page import Table, wide

COLUMNS = "model queries layer source measure value low high n".split()
RANKS = "rank kind: both (vocabulary_rank_median, docid_rank_median); mean ranks: vocabulary"
MEDIANS = {"vocabulary_rank_median": "vocabulary_rank", "docid_rank_median": "docid_rank"}
MEANS = ("mean_docid_rank", "mean_other_rank")


def make(files: dict[str, Path], clean: dict[str, Path], seed: int) -> Table:
    """Tabulate the median rank of the relevant document, and the mean rank of docid tokens and of
    all other tokens, by model, view, layer and source."""
    records = []
    for model, path in files.items():
        ranks = read_ranks(clean[model])
        for view, frame in views(read_parquet(path), ranks).items():
            for (layer, source), part in frame.groupby(["layer", "source"], sort=False):
                names = {"model": model, "queries": view, "layer": layer, "source": source}
                intervals = measure_intervals(part, seed)
                records += [names | {"measure": m} | columns(i) for m, i in intervals.items()]
    frame = pd.DataFrame(records, columns=COLUMNS)
    return Table(frame, shown(frame), RANKS)


def measure_intervals(part: pd.DataFrame, seed: int) -> dict[str, Interval]:
    """All measures of one model, view, layer and source."""
    clusters = part["doc_id"].to_numpy()
    medians = {
        measure: statistic_interval(part[column].to_numpy(float), clusters, np.median, seed)
        for measure, column in MEDIANS.items()
    }
    means = {
        measure: mean_interval(part[measure].to_numpy(float), clusters, seed) for measure in MEANS
    }
    return medians | means


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per model, view, layer and source."""
    return wide(frame, ["model", "queries", "layer", "source", "n"], "measure")
