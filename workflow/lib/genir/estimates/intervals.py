"""Intervals that keep the queries of one document together."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from genir.base.errors import AnalysisError
from genir.base.seeding import generator

CONFIDENCE = 0.95
RESAMPLES = 2_000
BLOCK_NUMBERS = 2_000_000
KEPT_CLUSTERS = 1_000
Blocks = Iterable[np.ndarray]

NAMES = ("value", "low", "high", "n")


@dataclass(frozen=True)
class Interval:
    """A value, its 95 % interval and the number of queries behind it.

    Without a query all three are NaN; with queries of one document only, a bootstrap knows no
    bounds and they alone are NaN.
    """

    value: float
    low: float
    high: float
    n: int

    def times(self, factor: float) -> "Interval":
        """The interval in another unit, such as percent; `factor` is positive."""
        scaled = (factor * number for number in (self.value, self.low, self.high))
        return Interval(*scaled, self.n)


@dataclass(frozen=True)
class Sample:
    """Values `[query]`, the cluster number of each, and per cluster the sum and the size."""

    values: np.ndarray
    codes: np.ndarray
    sums: np.ndarray
    sizes: np.ndarray

    @property
    def clusters(self) -> int:
        return len(self.sizes)


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """A proportion with its Wilson score interval (Wilson 1927)."""
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    p, z = successes / n, NormalDist().inv_cdf((1 + confidence) / 2)
    centre, margin = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low = (centre - margin) / (1 + z**2 / n) if successes else 0.0
    high = (centre + margin) / (1 + z**2 / n) if successes < n else 1.0
    return Interval(p, float(low), float(high), n)


def mean_interval(values: ArrayLike, clusters: ArrayLike, seed: int) -> Interval:
    """Mean of `values` `[query]` with the interval that suits them; `clusters` `[query]` are
    documents.

    Zeros and ones are a proportion: Wilson over queries if every document has one query, Wilson
    over documents if all values are equal (a bootstrap would claim certainty). Everything else gets
    `bootstrap_mean`.

    Raises AnalysisError as `bootstrap_mean` does.
    """
    sample = sample_of(values, clusters)
    n, ones = len(sample.values), int((sample.values == 1).sum())
    if ones + (sample.values == 0).sum() == n:
        if sample.clusters == n:
            return wilson(ones, n)
        if ones in (0, n):
            return replace(wilson(sample.clusters if ones else 0, sample.clusters), n=n)
    return bootstrapped(sample, seed)


def bootstrap_mean(values: ArrayLike, clusters: ArrayLike, seed: int) -> Interval:
    """Mean of `values` `[query]` with the percentile interval of a cluster bootstrap: documents
    are drawn with replacement, each with all its queries (ratio of sums, so sizes may differ).

    Raises AnalysisError if the lengths differ or a value is NaN.
    """
    return bootstrapped(sample_of(values, clusters), seed)


def statistic_interval(
    values: ArrayLike,
    clusters: ArrayLike,
    statistic: Callable[..., np.ndarray],
    seed: int,
) -> Interval:
    """`statistic` of `values` `[query]` with its cluster-bootstrap interval; it takes an array and
    an `axis`, as np.median does.

    Raises AnalysisError if the lengths differ or a value is NaN.
    """
    sample = sample_of(values, clusters)
    if not len(sample.values):
        return wilson(0, 0)
    blocks = _drawn_clusters(sample.clusters, seed)
    if sample.clusters == len(sample.values):
        # One query per document: `sums` holds the values, and a whole block is one array.
        resampled = np.concatenate([statistic(sample.sums[drawn], axis=-1) for drawn in blocks])
    else:
        resampled = np.array([_of_drawn(sample, d, statistic) for block in blocks for d in block])
    return percentile_interval(float(statistic(sample.values)), resampled, sample)


def _of_drawn(sample: Sample, drawn: np.ndarray, statistic: Callable[..., np.ndarray]) -> float:
    counts = np.bincount(drawn, minlength=sample.clusters)
    return float(statistic(np.repeat(sample.values, counts[sample.codes])))


def ratio_interval(a: ArrayLike, b: ArrayLike, clusters: ArrayLike, seed: int) -> Interval:
    """Sum of `a` over sum of `b`, shares of the same queries `[query]`, with the percentile
    interval of a cluster bootstrap in which both sums are over the same drawn documents.

    Where `b` sums to 0 there is no ratio: NaN, and n is 0; draws in which it does are left out. A
    ratio that no draw moves (no hit in `a`, or equal hits in both) gets the Wilson bound of "no
    query of this kind" over the mean of `b` to either side.

    Raises AnalysisError if the lengths differ or a value is NaN.
    """
    interval = mean_ratio_interval(a, b, clusters, seed)
    if not interval.n or interval.low != interval.high:
        return interval
    shares = sample_of(b, clusters)
    bound = wilson(0, shares.clusters).high / float(shares.values.mean())
    return replace(interval, low=max(interval.value - bound, 0.0), high=interval.value + bound)


def mean_ratio_interval(a: ArrayLike, b: ArrayLike, clusters: ArrayLike, seed: int) -> Interval:
    """Sum of `a` over sum of `b`, numbers of the same queries `[query]`, with the percentile
    interval of a cluster bootstrap in which both sums are over the same drawn documents.

    Where `b` does not sum to more than 0 there is no ratio: NaN, and n is 0; draws in which it does
    not are left out.

    Raises AnalysisError if the lengths differ or a value is NaN.
    """
    a, b = paired_values(a, b)
    over, under = sample_of(a, clusters), sample_of(b, clusters)
    if not under.values.sum() > 0:
        return wilson(0, 0)
    drawn = np.concatenate(
        [
            counts @ np.stack([over.sums, under.sums], axis=1)
            for counts in drawn_counts(under.clusters, seed)
        ]
    )
    drawn = drawn[drawn[:, 1] > 0]
    value = float(over.values.sum() / under.values.sum())
    return percentile_interval(value, drawn[:, 0] / drawn[:, 1], under)


def mean_ratio_intervals(
    a: np.ndarray, b: ArrayLike, clusters: ArrayLike, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, low and high `[row]` of what `mean_ratio_interval` says of each row of `a`
    `[row, query]` over the same `b` `[query]`."""
    over, under = [sample_of(row, clusters) for row in a], sample_of(b, clusters)
    none = np.full(len(over), np.nan)
    if not under.values.sum() > 0:
        return none, none, none
    sums = np.stack([*(sample.sums for sample in over), under.sums], axis=1)
    drawn = np.concatenate([counts @ sums for counts in drawn_counts(under.clusters, seed)])
    drawn = drawn[drawn[:, -1] > 0]
    value = np.array([sample.values.sum() for sample in over]) / under.values.sum()
    if under.clusters == 1:
        return value, none, none
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn[:, :-1] / drawn[:, -1:], [tail, 1 - tail], axis=0)
    return value, low, high


def paired_values(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape:
        raise AnalysisError(f"{len(a)} values are paired with {len(b)}; give one of each per query")
    return a, b


def sample_of(values: ArrayLike, clusters: ArrayLike) -> Sample:
    numbers, names = np.asarray(values, dtype=float), np.asarray(clusters)
    if numbers.shape != names.shape:
        raise AnalysisError(
            f"{len(numbers)} values have {len(names)} documents; give one document per query"
        )
    if pd.isna(names).any():
        raise AnalysisError("a query has no document; give one document per query")
    if np.isnan(numbers).any():
        row = int(np.isnan(numbers).argmax())
        raise AnalysisError(f"value {row} is not a number; leave its query out")
    unique, codes = np.unique(names, return_inverse=True)
    sums = np.bincount(codes, weights=numbers, minlength=len(unique))
    return Sample(numbers, codes, sums, np.bincount(codes, minlength=len(unique)))


def kept_draws(blocks: Callable[[int, int], Iterator[np.ndarray]]) -> Callable[..., Blocks]:
    """Keep what was drawn last: a table asks for the same draws hundreds of times. Draws for very
    many clusters are made again each time."""
    whole = lru_cache(maxsize=2)(lambda clusters, seed: tuple(blocks(clusters, seed)))

    def draw(clusters: int, seed: int) -> Blocks:
        few = clusters <= KEPT_CLUSTERS
        return whole(clusters, seed) if few else blocks(clusters, seed)

    return draw


@kept_draws
def _drawn_clusters(clusters: int, seed: int) -> Iterator[np.ndarray]:
    """Cluster numbers `[resample, cluster]`, in blocks that fit into memory."""
    random, rows = generator(seed, "bootstrap"), max(1, BLOCK_NUMBERS // clusters)
    for start in range(0, RESAMPLES, rows):
        yield random.integers(clusters, size=(min(rows, RESAMPLES - start), clusters))


@kept_draws
def drawn_counts(clusters: int, seed: int) -> Iterator[np.ndarray]:
    """How often each resample drew each cluster `[resample, cluster]`, in blocks."""
    for drawn in _drawn_clusters(clusters, seed):
        places = drawn + clusters * np.arange(len(drawn))[:, None]
        counts = np.bincount(places.ravel(), minlength=drawn.size)
        yield counts.reshape(drawn.shape).astype(float)


def bootstrapped(sample: Sample, seed: int) -> Interval:
    if not len(sample.values):
        return wilson(0, 0)
    resampled = [
        (counts @ sample.sums) / (counts @ sample.sizes)
        for counts in drawn_counts(sample.clusters, seed)
    ]
    return percentile_interval(float(sample.values.mean()), np.concatenate(resampled), sample)


def percentile_interval(value: float, resampled: np.ndarray, sample: Sample) -> Interval:
    """`value` of `sample` between the percentiles of what resamples of it gave."""
    if sample.clusters == 1:
        return Interval(value, np.nan, np.nan, len(sample.values))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Interval(value, float(low), float(high), len(sample.values))


def jackknife(value: float, left_out: np.ndarray, n: int) -> Interval:
    """A share of `n` queries with the normal interval of a jackknife over clusters (Efron and
    Stein 1981); `left_out` `[cluster]` is the share without each of them."""
    clusters = len(left_out)
    if clusters < 2:
        return Interval(float(value), np.nan, np.nan, n)
    error = np.sqrt((clusters - 1) / clusters * ((left_out - left_out.mean()) ** 2).sum())
    margin = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * error
    low, high = max(0.0, float(value - margin)), min(1.0, float(value + margin))
    return Interval(float(value), low, high, n)


def columns(
    interval: Interval, names: tuple[str, str, str, str] = NAMES, scale: float = 1.0
) -> dict[str, Any]:
    """Value, low, high (times `scale`) and n under `names`."""
    values = (interval.value * scale, interval.low * scale, interval.high * scale, interval.n)
    return dict(zip(names, values, strict=True))
