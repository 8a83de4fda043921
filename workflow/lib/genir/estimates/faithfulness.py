"""How much of a model circuits of every size keep.

f(k) = (m(C_k) - m(none)) / (m(all) - m(none)), with m the mean of a measure over queries, C_k the
circuit of the first k of n components, CPR = integral of f and CMD = integral of |1 - f| over k / n
by the trapezoid rule: MIB, arXiv 2504.13151, which takes ten shares of the edges; here it is every
number of components that is given.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from genir.base.errors import AnalysisError
from genir.base.seeding import generator
from genir.estimates.intervals import (
    Interval,
    drawn_counts,
    percentile_interval,
    sample_of,
    wilson,
)


@dataclass(frozen=True)
class Faithfulness:
    """f of every number of components, in their order, and its two integrals."""

    f: list[Interval]
    cpr: Interval
    cmd: Interval


def faithfulness(
    measure: np.ndarray, active: ArrayLike, clusters: ArrayLike, seed: int
) -> Faithfulness:
    """From a measure of every query under every circuit `[order, circuit, query]`; `active`
    `[circuit]` rises from none of the components to all, `clusters` `[query]` are documents.

    Of several orders the mean of f, CPR and CMD is taken, each by order first. Intervals are
    percentiles of a bootstrap in which all sums are over the same drawn documents; several orders
    are drawn with replacement, too. All is NaN, and n is 0, where all components are not better
    than none; draws in which they are not are left out.

    Raises AnalysisError if a value is NaN or `active` does not rise from 0.
    """
    active = np.asarray(active, dtype=float)
    if active[0] != 0 or not (np.diff(active) > 0).all():
        raise AnalysisError(f"circuits have {active} components; give rising numbers from 0 on")
    orders, circuits, queries = measure.shape
    samples = [sample_of(row, clusters) for row in measure.reshape(-1, queries)]
    sums = np.stack([sample.sums for sample in samples], axis=1)
    shares = active / active[-1]
    own = _by_order(sums.sum(0)[None], (orders, circuits))
    if np.isnan(own).any():
        none = wilson(0, 0)
        return Faithfulness([none] * circuits, none, none)
    drawn = np.concatenate(
        [
            _by_order(counts @ sums, (orders, circuits))
            for counts in drawn_counts(samples[0].clusters, seed)
        ]
    )
    drawn = drawn[~np.isnan(drawn).any((1, 2))]
    weights = _order_weights(len(drawn), orders, seed)

    def interval(of_order: np.ndarray, resampled: np.ndarray) -> Interval:
        mean = float(of_order.mean())
        return percentile_interval(mean, (weights * resampled).sum(1), samples[0])

    integrals = {
        name: [np.trapezoid(values, shares, axis=2) for values in pair]
        for name, pair in {"cpr": (own, drawn), "cmd": (abs(1 - own), abs(1 - drawn))}.items()
    }
    return Faithfulness(
        [interval(own[0, :, k], drawn[:, :, k]) for k in range(circuits)],
        *(interval(value[0], resampled) for value, resampled in integrals.values()),
    )


def _by_order(sums: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """f `[draw, order, circuit]` of sums `[draw, order * circuit]`; NaN where all components are
    not better than none."""
    totals = sums.reshape(len(sums), *shape)
    none, whole = totals[..., :1], totals[..., -1:] - totals[..., :1]
    return np.where(whole > 0, totals - none, np.nan) / np.where(whole > 0, whole, 1)


def _order_weights(draws: int, orders: int, seed: int) -> np.ndarray:
    """The share of each order in a draw of as many with replacement `[draw, order]`."""
    if orders == 1:
        return np.ones((draws, 1))
    random = generator(seed, "bootstrap of orders")
    return random.multinomial(orders, np.full(orders, 1 / orders), size=draws) / orders
