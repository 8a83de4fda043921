"""Files of results with a row for every query as arrays with a place for every query."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genir.base.errors import AnalysisError
from genir.estimates.ranks import read_ranks
from genir.files.io import read_parquet
from genir.pages import places

Axes = Sequence[tuple[str, Sequence[Any]]]


def cube(
    frame: pd.DataFrame, queries: pd.Index, axes: Axes, column: str, path: Path | str
) -> np.ndarray:
    """`column` as an array `[*axes, query]`, NaN where there is no row.

    `axes` are columns of `frame` with the values that count. Raises AnalysisError, naming `path`,
    if a column is missing, a row is of a query that `queries` does not have, or two rows are of one
    place.
    """
    missing = [name for name in ("query_id", column, *(n for n, _ in axes)) if name not in frame]
    if missing:
        raise AnalysisError(f"{path} lacks the columns {missing}; delete it and run again")
    places = [pd.Index(values).get_indexer(frame[name]) for name, values in axes]
    places.append(numbered(frame, queries, path))
    kept = np.all([place >= 0 for place in places], axis=0)
    shape = (*(len(values) for _, values in axes), len(queries))
    where = np.ravel_multi_index([place[kept] for place in places], shape)
    if len(np.unique(where)) < len(where):
        raise AnalysisError(
            f"{path} holds two rows of one query and place; delete it and run again"
        )
    found = np.full(shape, np.nan)
    found.ravel()[where] = frame[column].to_numpy(float)[kept]
    return found


def numbered(frame: pd.DataFrame, queries: pd.Index, path: Path | str) -> np.ndarray:
    """The place of every row's query in `queries`. Raises AnalysisError if it has none."""
    found = queries.get_indexer(frame["query_id"])
    if (found < 0).any():
        odd = frame["query_id"].to_numpy()[found < 0][0]
        raise AnalysisError(
            f"{path} holds query {odd!r}, which evaluate did not rank; what is read was not made "
            "from the same files: delete it and run snakemake again"
        )
    return found


class Patched:
    """What patches did to the queries of a model, beside what it answers unmodified."""

    def __init__(self, results: Path, model: str, queries: pd.Index) -> None:
        path = places.ranks(results, model, "validation")
        self.queries = queries
        self.clean = cube(_with_difference(read_ranks(path)), queries, (), "difference", path)

    def read(self, path: Path, heads: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Vocabulary rank, and what is lost of the difference between the logits of the relevant
        and the best other document: `[query]`, or `[head, query]` of a file with `heads`."""
        axes: Axes = [("head", range(heads))] if heads else ()
        frame = _with_difference(_read_heads(path) if heads else read_ranks(path))
        rank, after = (
            cube(frame, self.queries, axes, column, path)
            for column in ("vocabulary_rank", "difference")
        )
        return rank, self.clean - after


def _with_difference(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(difference=frame["relevant_logit"] - frame["other_logit"])


def _read_heads(path: Path) -> pd.DataFrame:
    frame = read_parquet(path)
    missing = {"head", "relevant_logit", "other_logit"} - set(frame)
    if missing:
        raise AnalysisError(f"{path} lacks the columns {sorted(missing)}; delete it and run again")
    return frame
