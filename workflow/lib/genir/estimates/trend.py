"""Does a number rise or fall along a quantity?"""

from dataclasses import dataclass
from itertools import permutations
from math import factorial

import numpy as np
from numpy.typing import ArrayLike

from genir.base.seeding import generator
from genir.estimates.intervals import Interval

EXACT_POINTS = 8
ORDERS = 20_000


@dataclass(frozen=True)
class Trend:
    """Kendall's tau-b (NaN if one side is all equal) and the p value of its two-sided test."""

    tau: float
    p: float


def trend(quantity: ArrayLike, values: ArrayLike, seed: int) -> Trend:
    """Kendall's tau-b (Kendall 1945) of `quantity` and `values` `[point]`, with the permutation
    test of its numerator: of all orders of the values up to 8 points, else of 20,000 random ones
    with one added to both counts. p is the share of orders with as much concordance or discordance;
    ties need no correction.
    """
    x, y = np.asarray(quantity, float), np.asarray(values, float)
    first, second = np.triu_indices(len(x), k=1)
    rises, signs = np.sign(x[second] - x[first]), np.sign(y[:, None] - y)
    observed = float(rises @ signs[second, first])
    exact = len(x) <= EXACT_POINTS
    orders = np.array(list(permutations(range(len(x))))) if exact else _drawn(len(x), seed)
    found = signs[orders[:, second], orders[:, first]] @ rises
    extreme = int((np.abs(found) >= abs(observed)).sum())
    p = extreme / len(found) if exact else (extreme + 1) / (len(found) + 1)
    moves = signs[second, first]
    scale = np.sqrt(np.count_nonzero(rises) * np.count_nonzero(moves))
    return Trend(observed / scale if scale else np.nan, p)


def least_p(points: int) -> float:
    """The smallest p value that so many points without ties can have."""
    return 2 / factorial(points) if points <= EXACT_POINTS else 1 / (ORDERS + 1)


def change(first: Interval, last: Interval, points: int) -> Interval:
    """`last` minus `first`, two independent estimates, with the interval that follows from theirs
    (Zou and Donner 2008, MOVER); n is `points`. Estimates of the same queries are alike, so that
    theirs is narrower."""
    value = last.value - first.value
    down = np.hypot(last.value - last.low, first.high - first.value)
    up = np.hypot(last.high - last.value, first.value - first.low)
    return Interval(value, value - float(down), value + float(up), points)


def _drawn(points: int, seed: int) -> np.ndarray:
    """Random orders `[order, point]`."""
    random = generator(seed, "trend")
    return random.permuted(np.tile(np.arange(points), (ORDERS, 1)), axis=1)
