import numpy as np
import pytest
from scipy import stats

from genir.errors import AnalysisError
from genir.statistics import (
    Interval,
    bootstrap_mean,
    holm,
    mean_interval,
    paired_difference,
    statistic_interval,
    wilson,
)

SEED = 7


@pytest.fixture
def clustered():
    """Values of 90 queries on 30 documents of unequal sizes; documents differ in level."""
    random = np.random.default_rng(3)
    clusters = np.array([f"d{number}" for number in random.integers(30, size=90)])
    level = dict(zip(np.unique(clusters), random.normal(size=30), strict=False))
    return np.array([level[name] for name in clusters]) + random.normal(size=90), clusters


def numbers(interval):
    return interval.value, interval.low, interval.high, interval.n


def test_wilson_is_scipys_and_the_textbook_formula():
    z, p, n = stats.norm.ppf(0.975), 0.3, 10
    centre, margin = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    interval = wilson(3, n)
    assert interval.low == pytest.approx((centre - margin) / (1 + z**2 / n))
    assert interval.high == pytest.approx((centre + margin) / (1 + z**2 / n))
    assert (interval.value, interval.n) == (0.3, 10)


def test_wilson_of_nothing_is_not_a_number():
    interval = wilson(0, 0)
    assert np.isnan([interval.value, interval.low, interval.high]).all()
    assert interval.n == 0


@pytest.mark.parametrize("function", [mean_interval, bootstrap_mean])
def test_no_query_gives_no_number(function):
    assert numbers(function([], [], SEED)) == pytest.approx(numbers(wilson(0, 0)), nan_ok=True)


def test_one_query_per_document_gets_wilson():
    hits = [True, False, True, True]
    assert mean_interval(hits, list("abcd"), SEED) == wilson(3, 4)


@pytest.mark.parametrize("hit", [0, 1])
def test_certainty_gets_wilson_over_documents(hit):
    interval = mean_interval([hit] * 6, list("aabbbc"), SEED)
    expected = wilson(3 * hit, 3)
    assert numbers(interval) == (hit, expected.low, expected.high, 6)
    assert interval.high > interval.low


def test_bootstrap_of_a_constant_is_the_constant():
    interval = bootstrap_mean([2.5] * 6, list("aabbbc"), SEED)
    assert numbers(interval) == (2.5, 2.5, 2.5, 6)


def test_one_document_gives_no_bounds():
    interval = mean_interval([0.2, 0.4], ["a", "a"], SEED)
    assert interval.value == pytest.approx(0.3)
    assert np.isnan([interval.low, interval.high]).all()


def test_order_of_queries_does_not_matter(clustered):
    values, clusters = clustered
    order = np.random.default_rng(0).permutation(len(values))
    shuffled = mean_interval(values[order], clusters[order], SEED)
    assert numbers(shuffled) == pytest.approx(numbers(mean_interval(values, clusters, SEED)))


def test_bootstrap_is_equivariant(clustered):
    values, clusters = clustered
    interval, moved = (bootstrap_mean(v, clusters, SEED) for v in (values, 10 * values + 3))
    expected = (10 * bound + 3 for bound in (interval.value, interval.low, interval.high))
    assert (moved.value, moved.low, moved.high) == pytest.approx(tuple(expected))


def test_repeating_every_query_of_a_document_adds_no_information(clustered):
    values, clusters = clustered
    once = bootstrap_mean(values, clusters, SEED)
    thrice = bootstrap_mean(np.tile(values, 3), np.tile(clusters, 3), SEED)
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))
    assert thrice.n == 3 * once.n


def test_statistic_interval_of_the_mean_is_the_bootstrap_of_the_mean(clustered):
    values, clusters = clustered
    generic = statistic_interval(values, clusters, np.mean, SEED)
    assert numbers(generic) == pytest.approx(numbers(bootstrap_mean(values, clusters, SEED)))


def test_median_of_ranks():
    interval = statistic_interval([1, 1, 2, 5, 900], list("abcde"), np.median, SEED)
    assert interval.value == 2
    assert 1 <= interval.low <= 2 <= interval.high <= 900


def test_interval_covers_the_mean_of_clustered_data():
    random, covered, trials = np.random.default_rng(5), 0, 200
    for trial in range(trials):
        sizes = random.integers(1, 5, size=60)
        clusters = np.repeat(np.arange(60), sizes)
        level = random.normal(size=60)[clusters]
        interval = bootstrap_mean(level + random.normal(size=len(level)), clusters, trial)
        covered += interval.low <= 0 <= interval.high
    assert 0.89 <= covered / trials <= 0.985


def test_paired_difference_is_antisymmetric(clustered):
    a, clusters = clustered
    b = np.random.default_rng(1).normal(size=len(a))
    forward, back = paired_difference(a, b, clusters, SEED), paired_difference(b, a, clusters, SEED)
    assert forward.p == back.p
    assert (back.value, back.low, back.high) == pytest.approx(
        (-forward.value, -forward.high, -forward.low), abs=0.05
    )


def test_paired_difference_of_equals_is_zero_with_p_one(clustered):
    values, clusters = clustered
    difference = paired_difference(values, values, clusters, SEED)
    assert (difference.value, difference.low, difference.high, difference.p) == (0, 0, 0, 1)


def test_hits_without_any_difference_keep_a_width():
    difference = paired_difference([1, 0, 1], [1, 0, 1], list("abc"), SEED)
    bound = wilson(0, 3).high
    assert (difference.low, difference.value, difference.high) == (-bound, 0, bound)


def test_hits_that_all_flip_stay_within_one():
    difference = paired_difference([1, 1, 1], [0, 0, 0], list("abc"), SEED)
    assert (difference.value, difference.high) == (1, 1)
    assert difference.low == pytest.approx(wilson(3, 3).low)
    assert difference.p == 2 / 2**3


def test_sign_flips_agree_with_scipy(clustered):
    values, clusters = clustered
    few = np.isin(clusters, np.unique(clusters)[:10])
    sums = [values[clusters == name].sum() for name in np.unique(clusters[few])]
    expected = stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    a, names = values[few], clusters[few]
    assert paired_difference(a, np.zeros_like(a), names, SEED).p == pytest.approx(expected.pvalue)


def test_a_clear_difference_has_a_small_p(clustered):
    values, clusters = clustered
    assert paired_difference(values + 5, values, clusters, SEED).p == pytest.approx(1 / 10_001)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_caps_at_one_and_skips_missing_tests():
    assert holm([0.6, np.nan, 0.7]) == pytest.approx([1, np.nan, 1], nan_ok=True)
    assert len(holm([])) == 0


def test_percent():
    assert Interval(0.5, 0.25, 0.75, 4).times(100) == Interval(50, 25, 75, 4)


def test_same_seed_same_interval(clustered):
    values, clusters = clustered
    assert bootstrap_mean(values, clusters, 1) == bootstrap_mean(values, clusters, 1)
    assert bootstrap_mean(values, clusters, 1) != bootstrap_mean(values, clusters, 2)


@pytest.mark.parametrize(
    ("values", "clusters", "message"),
    [([1, 2], ["a"], "2 values have 1 documents"), ([1, np.nan], ["a", "b"], "value 1 is not")],
)
def test_unusable_values_are_refused(values, clusters, message):
    with pytest.raises(AnalysisError, match=message):
        mean_interval(values, clusters, SEED)


def test_unpaired_values_are_refused():
    with pytest.raises(AnalysisError, match="1 values are paired with 2"):
        paired_difference([1], [1, 2], ["a", "b"], SEED)
