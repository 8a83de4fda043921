"""What MLPs, cross-attentions and self-attentions write alone (the study's section 5.2)."""

from pathlib import Path

import numpy as np
import pandas as pd

from genir.base.names import RANK_KINDS
from genir.estimates.intervals import Interval, columns, mean_interval, statistic_interval
from genir.estimates.ranks import read_ranks, views
from genir.files.io import read_parquet
from genir.tables import published
from genir.tables.page import VOCABULARY_RANK, Table, wide

COLUMNS = "model queries source measure rank_kind value low high n".split()
SOURCES = ("mlp", "cross_attention", "self_attention")
_PAPER_ROW = {"queries": "correct", "rank_kind": "vocabulary"}


def make(files: dict[str, Path], clean: dict[str, Path], paper_in_text: Path, seed: int) -> Table:
    """Tabulate the ranks of the relevant document by what components of one kind write alone, by
    model, view and source.

    Args:
        paper_in_text: resources/paper/in_text_numbers.csv.
    """
    records = []
    for model, path in files.items():
        for view, frame in views(read_parquet(path), read_ranks(clean[model])).items():
            for source in SOURCES:
                part = frame[frame["source"] == source]
                names = {"model": model, "queries": view, "source": source}
                for kind in RANK_KINDS:
                    ranks, documents = part[f"{kind}_rank"].to_numpy(), part["doc_id"].to_numpy()
                    records += [
                        names | {"measure": measure, "rank_kind": kind} | columns(interval)
                        for measure, interval in rank_classes(ranks, documents, seed).items()
                    ]
    frame = pd.DataFrame(records, columns=COLUMNS)
    said = published.direct_contribution(paper_in_text)
    return Table(frame, shown(frame, said), VOCABULARY_RANK)


def rank_classes(ranks: np.ndarray, documents: np.ndarray, seed: int) -> dict[str, Interval]:
    """Percent of ranks in each class, and the median rank."""
    classes = {
        "percent_not_first": ranks > 1,
        "percent_ranked_2_to_10": (ranks > 1) & (ranks <= 10),
        "percent_beyond_100": ranks > 100,
    }
    percents = {
        name: mean_interval(inside, documents, seed).times(100) for name, inside in classes.items()
    }
    median = statistic_interval(ranks, documents, np.median, seed)
    return percents | {"median_rank": median}


def shown(frame: pd.DataFrame, paper: dict[str, str]) -> pd.DataFrame:
    """Vocabulary ranks, one line per model, view and source, beside what the study says of a
    source."""
    part = frame[frame["rank_kind"] == _PAPER_ROW["rank_kind"]]
    table = wide(part, ["model", "queries", "source", "n"], "measure")
    correct = table["queries"] == _PAPER_ROW["queries"]
    table[published.LABEL] = table["source"].map(paper).where(correct).fillna("")
    return table
