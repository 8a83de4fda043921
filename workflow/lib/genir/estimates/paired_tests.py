"""Paired differences with their tests, which keep the queries of one document together."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from genir.base.seeding import generator
from genir.estimates.intervals import (
    BLOCK_NUMBERS,
    Interval,
    Sample,
    bootstrapped,
    kept_draws,
    paired_values,
    sample_of,
    wilson,
)

SIGN_FLIPS = 10_000
EXACT_CLUSTERS = 13


@dataclass(frozen=True)
class Difference(Interval):
    """A mean paired difference and the p value of its two-sided test."""

    p: float


def paired_difference(a: ArrayLike, b: ArrayLike, clusters: ArrayLike, seed: int) -> Difference:
    """Mean of `a - b` `[query]`, interval as for a mean, p by a two-sided sign-flip permutation.

    The test flips the sign of whole documents: all 2^documents patterns up to 13 documents and for
    whole numbers, such as hits (with one query per document McNemar's exact test), else 10,000
    random ones with one added to both counts. Hits without any difference between documents get
    the Wilson bound of "no query of this kind" to either side.

    Raises AnalysisError if the lengths differ or a value is NaN.
    """
    a, b = paired_values(a, b)
    p = _flip_p(sample_of(a - b, clusters), seed)
    return Difference(**vars(difference_interval(a, b, clusters, seed)), p=p)


def difference_interval(a: ArrayLike, b: ArrayLike, clusters: ArrayLike, seed: int) -> Interval:
    """`paired_difference` without its test, which takes longer than the interval.

    Raises AnalysisError if the lengths differ or a value is NaN.
    """
    a, b = paired_values(a, b)
    sample = sample_of(a - b, clusters)
    hits = bool(np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all())
    return _hit_difference(sample, seed) if hits else bootstrapped(sample, seed)


def holm(p_values: ArrayLike) -> np.ndarray:
    """Adjusted p values in the given order (Holm 1979); NaN stands for no test and stays NaN."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")[: np.isfinite(p).sum()]
    steps = np.arange(len(order), 0, -1) * p[order]
    adjusted = np.full(p.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def _hit_difference(sample: Sample, seed: int) -> Interval:
    values = sample.values
    if not len(values) or (values != values[0]).any():
        return bootstrapped(sample, seed)
    value, bound = float(values[0]), wilson(0, sample.clusters).high
    return Interval(value, max(value - bound, -1.0), min(value + bound, 1.0), len(values))


def _flip_p(sample: Sample, seed: int) -> float:
    if not len(sample.values):
        return np.nan
    if (sample.sums == np.round(sample.sums)).all():
        return _whole_number_flip_p(np.abs(sample.sums).astype(int), abs(int(sample.sums.sum())))
    exact = sample.clusters <= EXACT_CLUSTERS
    signs = _all_signs if exact else _random_signs
    sums = np.concatenate([block @ sample.sums for block in signs(sample.clusters, seed)])
    tolerance = 1e-9 * np.abs(sample.sums).sum()
    extreme = int((np.abs(sums) >= abs(sample.sums.sum()) - tolerance).sum())
    return extreme / len(sums) if exact else (extreme + 1) / (len(sums) + 1)


def _whole_number_flip_p(sizes: np.ndarray, observed: int) -> float:
    """How probable it is that `sizes` `[cluster]` with fair random signs sum to `observed` or more,
    or to its negative or less: exact, from the distribution of what the positive ones sum to."""
    positive = np.ones(1)
    for size, clusters in zip(*np.unique(sizes[sizes > 0], return_counts=True), strict=True):
        group = np.zeros(size * clusters + 1)
        group[::size] = _fair_binomial(int(clusters))
        positive = np.convolve(positive, group)
    sums = 2 * np.arange(len(positive)) - (len(positive) - 1)
    return min(1.0, float(positive[np.abs(sums) >= observed].sum()))


def _fair_binomial(tosses: int) -> np.ndarray:
    """Probability of 0 to `tosses` heads of a fair coin."""
    logs = np.concatenate([[0.0], np.log(np.arange(1, tosses + 1)).cumsum()])
    return np.exp(logs[-1] - logs - logs[::-1] - tosses * np.log(2))


def _all_signs(clusters: int, _: int) -> Iterator[np.ndarray]:
    yield 1 - 2 * ((np.arange(2**clusters)[:, None] >> np.arange(clusters)) & 1)


@kept_draws
def _random_signs(clusters: int, seed: int) -> Iterator[np.ndarray]:
    random, rows = generator(seed, "sign flips"), max(1, BLOCK_NUMBERS // clusters)
    for start in range(0, SIGN_FLIPS, rows):
        yield 1.0 - 2.0 * random.integers(2, size=(min(rows, SIGN_FLIPS - start), clusters))
