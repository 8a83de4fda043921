"""Summaries of the ranks of relevant documents."""

import numpy as np
from numpy.typing import ArrayLike

from genir.base.errors import AnalysisError
from genir.estimates.intervals import Interval, bootstrap_mean, mean_interval, statistic_interval


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
