import numpy as np
import pytest
from scipy.stats import spearmanr

from genir.estimates.agreement import agreement, spearman, top_overlap

DOCUMENTS = [f"d{number}" for number in range(6)]


def test_spearman_is_scipys_with_ties_too():
    random = np.random.default_rng(0)
    one, other = random.integers(0, 6, (4, 30)).astype(float), random.normal(size=(4, 30))
    expected = [spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    assert spearman(one, other) == pytest.approx(expected)
    assert np.isnan(spearman(np.zeros((1, 5)), other[:1, :5])).all()


def test_the_largest_twentieth_by_hand():
    exact = np.arange(40.0)[None]
    other = exact.copy()
    other[0, 39] = -1
    assert top_overlap(exact, exact) == 1
    assert top_overlap(exact, other) == 0.5
    assert top_overlap(exact, -exact) == 0
    assert top_overlap(exact[:, :4], exact[:, :4] ** 3) == 1


def test_agreement_is_of_means_over_queries_with_documents_resampled():
    random = np.random.default_rng(1)
    exact = np.arange(40.0)[:, None] + random.normal(size=(40, 6))
    same = agreement(exact, 2 * exact + 1, DOCUMENTS, 1)
    for interval in same.values():
        numbers = (interval.value, interval.low, interval.high, interval.n)
        assert numbers == pytest.approx((1, 1, 1, 6))
    noisy = agreement(exact, exact + 30 * random.normal(size=exact.shape), DOCUMENTS, 1)
    assert 0 < noisy["spearman"].low < noisy["spearman"].high < 1
    assert noisy["spearman"].value < 1
    reversed_ = agreement(exact, -exact, DOCUMENTS, 1)
    assert reversed_["spearman"].value == pytest.approx(-1)
    assert reversed_["top_overlap"].value == 0
    alone = agreement(exact, exact, ["d"] * 6, 1)["spearman"]
    assert (alone.value, alone.n) == pytest.approx((1, 6))
    assert np.isnan(alone.low)
