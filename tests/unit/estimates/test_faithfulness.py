import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from genir.base.errors import AnalysisError
from genir.estimates.faithfulness import faithfulness

DOCUMENTS = [f"d{number}" for number in range(4)]


def _measure(*means):
    """One order: every query has the mean of the circuit, plus what sums to 0."""
    spread = np.array([-1.0, 1.0, -2.0, 2.0])
    return np.stack([mean + 0.1 * spread for mean in means])[None]


def test_by_hand():
    # m: none -4, then -1, 10, all 6; f = 0, 0.3, 1.4, 1 at shares 0, 1/4, 1/2, 1.
    found = faithfulness(_measure(-4, -1, 10, 6), [0, 1, 2, 4], DOCUMENTS, 1)
    assert [interval.value for interval in found.f] == pytest.approx([0, 0.3, 1.4, 1])
    assert found.cpr.value == pytest.approx(0.15 * 0.25 + 0.85 * 0.25 + 1.2 * 0.5)
    assert found.cmd.value == pytest.approx(0.85 * 0.25 + 0.55 * 0.25 + 0.2 * 0.5)
    assert found.cpr.n == found.f[1].n == 4


@settings(max_examples=10, deadline=None)
@given(some.integers(0, 10**6), some.integers(1, 4), some.integers(3, 9))
def test_none_is_0_and_all_is_1_in_every_draw(seed, orders, sizes):
    measure = np.random.default_rng(seed).normal(size=(orders, sizes, 4))
    measure += np.arange(sizes)[:, None] * 12
    measure[:, [0, -1]] = measure[:1, [0, -1]]
    found = faithfulness(measure, range(sizes), DOCUMENTS, 1)
    for end, value in ((0, 0), (-1, 1)):
        interval = found.f[end]
        assert (interval.value, interval.low, interval.high) == pytest.approx((value,) * 3)
    assert found.f[1].low < found.f[1].value < found.f[1].high


def test_a_circuit_as_good_as_all_from_one_component_on():
    found = faithfulness(_measure(0, *[2] * 10), range(11), DOCUMENTS, 1)
    assert found.cpr.value == pytest.approx(0.95)
    assert found.cmd.value == pytest.approx(0.05)


def test_several_orders_are_the_mean_of_each_and_are_drawn_too():
    up, down = _measure(0, 3, 2), _measure(0, -1, 2)
    alone = [faithfulness(one, range(3), DOCUMENTS, 1) for one in (up, down)]
    both = faithfulness(np.concatenate([up, down]), range(3), DOCUMENTS, 1)
    for key in ("cpr", "cmd"):
        values = [getattr(of, key).value for of in alone]
        assert getattr(both, key).value == pytest.approx(np.mean(values))
    # f of the mean curve would be 0.5, CMD 0.5; of each alone it is 0.5 + 0.5.
    assert both.cmd.value == pytest.approx(np.mean([0.5, 1.0]))
    assert both.cpr.low < min(of.cpr.low for of in alone) + 1e-6 + 1
    assert both.cpr.high - both.cpr.low > max(of.cpr.high - of.cpr.low for of in alone)


def test_queries_of_a_document_stay_together():
    measure = np.stack([np.zeros(24), np.arange(24) < 12, np.ones(24)])[None]
    apart = faithfulness(measure, range(3), [f"d{i}" for i in range(24)], 1).cpr
    together = faithfulness(measure, range(3), [f"d{i // 4}" for i in range(24)], 1).cpr
    assert together.high - together.low > apart.high - apart.low
    assert together.value == apart.value


def test_nothing_to_keep_is_no_number():
    found = faithfulness(_measure(3, 1, 3), range(3), DOCUMENTS, 1)
    assert np.isnan(found.cpr.value)
    assert found.cpr.n == found.cmd.n == found.f[1].n == 0


def test_circuits_that_do_not_rise_from_none_are_refused():
    for active in ([1, 2, 3], [0, 2, 1]):
        with pytest.raises(AnalysisError, match="rising numbers from 0"):
            faithfulness(_measure(0, 1, 2), active, DOCUMENTS, 1)
