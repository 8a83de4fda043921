"""How estimated effects agree with exact ones: rank correlation, overlap of the largest."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from genir.estimates.intervals import CONFIDENCE, Interval, drawn_counts, sample_of

DRAWS = 500
TOP = 0.05

Measure = Callable[[np.ndarray, np.ndarray], np.ndarray]


def spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each row, `[draw, unit]` -> `[draw]`; equal values share their
    mean rank. NaN where all values of a row are equal."""
    ranks = [rankdata(values, axis=1) for values in (one, other)]
    centred = [of - of.mean(1, keepdims=True) for of in ranks]
    lengths = [np.sqrt((of**2).sum(1)) for of in centred]
    whole = lengths[0] * lengths[1]
    product = (centred[0] * centred[1]).sum(1)
    return np.where(whole > 0, product, np.nan) / np.where(whole > 0, whole, 1)


def top_overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The share of the largest 5 % of each row of `one` that is among those of `other`,
    `[draw, unit]` -> `[draw]`; at least one unit, equal values in their order."""
    count = max(1, round(TOP * one.shape[1]))
    chosen = []
    for values in (one, other):
        first = np.argsort(-values, axis=1, kind="stable")[:, :count]
        mask = np.zeros(values.shape, dtype=bool)
        np.put_along_axis(mask, first, True, axis=1)
        chosen.append(mask)
    return (chosen[0] & chosen[1]).sum(1) / count


MEASURES: dict[str, Measure] = {"spearman": spearman, "top_overlap": top_overlap}


def agreement(
    exact: np.ndarray, estimate: np.ndarray, clusters: ArrayLike, seed: int
) -> dict[str, Interval]:
    """By measure, of the mean effects of units over queries, both `[unit, query]`, with the
    interval of a bootstrap of 500 draws in which both means are over the same documents, `clusters`
    `[query]`."""
    of_one = sample_of(exact[0], clusters)
    sums = [_by_cluster(values, clusters) for values in (exact, estimate)]
    drawn = np.concatenate(list(drawn_counts(of_one.clusters, seed)))[:DRAWS]
    found, tail = {}, (1 - CONFIDENCE) / 2
    for name, measure in MEASURES.items():
        value = float(measure(*(of.sum(1)[None] for of in sums))[0])
        resampled = measure(*(drawn @ of.T for of in sums))
        low, high = np.nanquantile(resampled, [tail, 1 - tail]) if value == value else (value,) * 2
        if of_one.clusters == 1:
            low = high = np.nan
        found[name] = Interval(value, float(low), float(high), len(of_one.values))
    return found


def _by_cluster(values: np.ndarray, clusters: ArrayLike) -> np.ndarray:
    """Sums `[unit, cluster]` of values `[unit, query]`, each as `sample_of` has it."""
    unit = int(np.isnan(values).any(1).argmax())
    sample = sample_of(values[unit], clusters)
    places = sample.codes + sample.clusters * np.arange(len(values))[:, None]
    size = len(values) * sample.clusters
    sums = np.bincount(places.ravel(), weights=values.ravel(), minlength=size)
    return sums.reshape(len(values), -1)
