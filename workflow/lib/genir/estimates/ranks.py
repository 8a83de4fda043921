"""Ranks that tables are computed from: their files, their views, their summaries."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from genir.base.errors import AnalysisError
from genir.base.joins import check_known
from genir.estimates.intervals import Interval, bootstrap_mean, mean_interval, statistic_interval
from genir.files.io import read_csv, read_parquet

_RANKS = ["query_id", "doc_id", "vocabulary_rank", "docid_rank"]
_COLUMNS = [*_RANKS, "relevant_logit", "other_logit"]
_OF_DONORS = ["donor_logit"]


def read_ranks(path: Path) -> pd.DataFrame:
    """query_id, doc_id, vocabulary_rank, docid_rank, relevant_logit and other_logit, which is NaN
    where every document is relevant; donor_logit too of a patch by donors.

    Raises AnalysisError if a column or any other cell is missing or a query has two rows.
    """
    frame = read_parquet(path)
    missing = [name for name in _COLUMNS if name not in frame]
    if missing:
        raise AnalysisError(f"{path} lacks the columns {missing}; delete it and run again")
    more = [name for name in _OF_DONORS if name in frame]
    if frame[[*_RANKS, "relevant_logit", *more]].isna().any(axis=None):
        raise AnalysisError(f"{path} has an empty cell; delete it and run again")
    if frame["query_id"].duplicated().any():
        query = frame.loc[frame["query_id"].duplicated(), "query_id"].iloc[0]
        raise AnalysisError(f"{path} holds query {query!r} twice; delete it and run again")
    return frame[[*_COLUMNS, *more]]


def read_queries(path: Path) -> pd.DataFrame:
    """A CSV of query and document ids, each query once. Raises AnalysisError if not."""
    frame = read_csv(path)
    if frame["query_id"].duplicated().any():
        query = frame.loc[frame["query_id"].duplicated(), "query_id"].iloc[0]
        raise AnalysisError(f"{path} holds query {query!r} twice; delete it and run again")
    return frame


def select(ranks: pd.DataFrame, queries: pd.Series, path: Path | str) -> pd.DataFrame:
    """The rows of `queries`. Raises AnalysisError, naming `path`, if one has no rank."""
    missing = sorted(set(queries) - set(ranks["query_id"]))
    if missing:
        raise AnalysisError(f"{path} has no rank for query {missing[0]!r}; delete it and run again")
    return ranks[ranks["query_id"].isin(queries)]


def views(
    frame: pd.DataFrame, clean: pd.DataFrame, *, complete: bool = True
) -> dict[str, pd.DataFrame]:
    """The rows of each view of the queries; a view without rows is left out.

    `clean` are the ranks of all queries in the unmodified model. Views: correct (vocabulary rank
    1), ranked_2_to_10, ranked_below_10, failed (every query that is not correct), all.

    Raises AnalysisError if a query of `frame` has no rank in `clean` or, unless `frame` need not be
    `complete`, the other way round.
    """
    ranks = frame["query_id"].map(clean.set_index("query_id")["vocabulary_rank"])
    if ranks.isna().any():
        query = frame.loc[ranks.isna(), "query_id"].iloc[0]
        raise AnalysisError(f"query {query!r} has no rank in the unmodified model; run evaluate")
    if complete:
        check_known(
            clean["query_id"], frame["query_id"], "a file of the same queries as evaluate's"
        )
    masks = {
        "correct": ranks == 1,
        "ranked_2_to_10": ranks.between(2, 10),
        "ranked_below_10": ranks > 10,
        "failed": ranks > 1,
        "all": ranks > 0,
    }
    return {name: frame[mask] for name, mask in masks.items() if mask.any()}


def rank_measures(ranks: ArrayLike, clusters: ArrayLike, seed: int) -> dict[str, Interval]:
    """Summaries of `ranks` `[query]` of the relevant document; `clusters` `[query]` are documents.

    mrr has no cut-off; the shares lie in [0, 1].

    Raises AnalysisError if a rank is below 1.
    """
    ranks = np.asarray(ranks)
    if (ranks < 1).any():
        raise AnalysisError(f"rank {ranks.min()} found; ranks count from 1, so add what is missing")
    return {
        "mrr": mean_interval(1 / ranks, clusters, seed),
        "hits_at_1": mean_interval(ranks == 1, clusters, seed),
        "mean_rank": bootstrap_mean(ranks, clusters, seed),
        "median_rank": statistic_interval(ranks, clusters, np.median, seed),
        "share_beyond_1000": mean_interval(ranks > 1000, clusters, seed),
    }
