"""Do two groups of queries differ? Tests that keep the queries of one document together."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from genir.base.errors import AnalysisError
from genir.base.seeding import generator
from genir.estimates.intervals import BLOCK_NUMBERS

PERMUTATIONS = 10_000


def permutation_p(
    values: np.ndarray, weights: np.ndarray, first: ArrayLike, clusters: ArrayLike, seed: int
) -> np.ndarray:
    """p values `[measure]` of two-sided permutation tests of the difference between two groups of
    queries in sum(values) over sum(weights), both `[measure, query]`; weights of 1 make it that of
    means.

    `first` `[query]` says which queries are in the first group, `clusters` `[query]` are documents.
    10,000 random permutations, one added to both counts, the same for all measures: documents
    with as many queries change places, each with all its queries, so that a document's queries
    stay together. A draw in which the weights of a group do not sum to more than 0 counts as
    extreme. NaN where a group is empty or such is the case in the data.

    Raises AnalysisError if lengths differ or a number is NaN.
    """
    first, clusters = np.asarray(first, bool), np.asarray(clusters)
    values, weights = np.asarray(values, float), np.asarray(weights, float)
    if values.shape != weights.shape or not values.shape[1:] == first.shape == clusters.shape:
        raise AnalysisError(
            f"values {values.shape}, weights {weights.shape}, groups {first.shape} and documents "
            f"{clusters.shape} do not belong together; give one of each per query"
        )
    if np.isnan(values).any() or np.isnan(weights).any():
        raise AnalysisError("a value or weight is not a number; leave its query out")
    observed = np.abs(_differences(first[None], values, weights))[0]
    extreme = np.zeros(len(values))
    tolerance = 1e-9 * np.nan_to_num(observed)
    for groups in _permuted(first, clusters, seed):
        drawn = np.abs(_differences(groups, values, weights))
        extreme += (~(drawn < observed - tolerance)).sum(0)
    return np.where(np.isnan(observed), np.nan, (extreme + 1) / (PERMUTATIONS + 1))


def _differences(groups: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`[draw, measure]`, of groups `[draw, query]`."""
    inside = groups.astype(float)
    over, under = inside @ values.T, inside @ weights.T
    others = values.sum(1) - over, weights.sum(1) - under
    known = (under > 0) & (others[1] > 0)
    of_first = over / np.where(known, under, np.nan)
    return of_first - others[0] / np.where(known, others[1], np.nan)


def _permuted(first: np.ndarray, clusters: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """Groups `[draw, query]`, in blocks that fit into memory."""
    random, rows = generator(seed, "permutations"), max(1, BLOCK_NUMBERS // max(1, len(first)))
    _, codes, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    order = np.argsort(codes, kind="stable")
    of_size = sizes[codes[order]]
    for start in range(0, PERMUTATIONS, rows):
        count = min(rows, PERMUTATIONS - start)
        groups = np.empty((count, len(first)), bool)
        for size in np.unique(sizes):
            places = order[of_size == size].reshape(-1, size)
            moved = random.permuted(
                np.tile(np.arange(len(places), dtype=np.int32), (count, 1)), axis=1
            )
            groups[:, places] = first[places][moved]
        yield groups
