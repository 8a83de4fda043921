from itertools import permutations

import numpy as np
import pytest
from scipy.stats import kendalltau

from genir.estimates.intervals import Interval
from genir.estimates.trend import change, least_p, trend


@pytest.mark.parametrize("points", [3, 5, 7])
def test_without_ties_it_is_kendalls_exact_test(points):
    random = np.random.default_rng(points)
    for _ in range(5):
        values = random.random(points)
        found = trend(range(points), values, seed=1)
        expected = kendalltau(range(points), values, method="exact")
        assert (found.tau, found.p) == pytest.approx((expected.statistic, expected.pvalue))


def test_ties_are_counted_over_all_orders():
    quantity, values = [0, 1, 1, 2, 5], [3.0, 1.0, 3.0, 4.0, 4.0]
    found = trend(quantity, values, seed=1)
    taus = [kendalltau(quantity, order).statistic for order in permutations(values)]
    assert found.tau == pytest.approx(kendalltau(quantity, values).statistic)
    assert found.p == pytest.approx(np.mean(np.abs(taus) >= abs(found.tau) - 1e-12))


def test_the_order_alone_counts_and_a_constant_has_no_trend():
    assert trend([0, 1, 2, 3], [1, 2, 3, 4], 1) == trend([0, 10, 500, 501], [0, 0.1, 7, 8], 1)
    flat = trend([0, 1, 2, 3], [5, 5, 5, 5], 1)
    assert np.isnan(flat.tau)
    assert flat.p == 1


def test_many_points_are_drawn_and_least_p_is_reached():
    assert trend(range(6), range(6), 1).p == pytest.approx(least_p(6))
    assert trend(range(12), range(12), 1).p == pytest.approx(least_p(12))
    assert trend(range(12), range(12), 1) == trend(range(12), range(12), 1)
    wild = np.random.default_rng(3).random(12)
    expected = kendalltau(range(12), wild, method="exact").pvalue
    assert trend(range(12), wild, 1).p == pytest.approx(expected, abs=0.02)


def test_the_change_of_two_equal_widths_is_wider_by_the_root_of_two():
    moved = change(Interval(10, 8, 12, 400), Interval(30, 28, 32, 400), 7)
    reach = 2 * np.sqrt(2)
    assert (moved.value, moved.low, moved.high, moved.n) == pytest.approx(
        (20, 20 - reach, 20 + reach, 7)
    )
