import numpy as np
import pytest
from scipy import stats

from genir.base.errors import AnalysisError
from genir.estimates.intervals import (
    Interval,
    bootstrap_mean,
    mean_interval,
    ratio_interval,
    statistic_interval,
    wilson,
)
from genir.estimates.paired_tests import difference_interval, holm, paired_difference

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


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (7, 7), (1, 400), (399, 400), (200, 401)])
def test_wilson_equals_scipys(hits, n):
    bounds = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    interval = wilson(hits, n)
    assert (interval.low, interval.high) == pytest.approx((bounds.low, bounds.high), abs=1e-12)


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
    assert difference.p == pytest.approx(2 / 2**3)


def test_sign_flips_agree_with_scipy(clustered):
    values, clusters = clustered
    few = np.isin(clusters, np.unique(clusters)[:10])
    sums = [values[clusters == name].sum() for name in np.unique(clusters[few])]
    expected = stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    a, names = values[few], clusters[few]
    assert paired_difference(a, np.zeros_like(a), names, SEED).p == pytest.approx(expected.pvalue)


def test_sign_flips_of_hits_are_exact():
    random = np.random.default_rng(3)
    a, b = random.integers(2, size=(2, 400))
    won, lost = (a > b).sum(), (b > a).sum()
    expected = stats.binomtest(won, won + lost).pvalue
    queries = np.arange(400)
    assert paired_difference(a, b, queries, SEED).p == pytest.approx(expected)
    assert paired_difference(b, a, queries, SEED).p == pytest.approx(expected)


def test_sign_flips_of_hits_of_uneven_documents_try_every_pattern():
    a, b = np.array([1] * 9 + [0] * 3), np.array([0] * 7 + [1] * 5)
    documents = np.repeat(np.arange(6), [4, 3, 1, 1, 2, 1])
    sums = np.bincount(documents, weights=a - b)
    signs = 1 - 2 * ((np.arange(2**6)[:, None] >> np.arange(6)) & 1)
    expected = (np.abs(signs @ sums) >= abs(sums.sum())).mean()
    assert 0 < expected < 1
    assert paired_difference(a, b, documents, SEED).p == pytest.approx(expected)


def test_a_clear_difference_has_a_small_p(clustered):
    values, clusters = clustered
    assert paired_difference(values + 5.3, values, clusters, SEED).p == pytest.approx(1 / 10_001)


def test_the_interval_of_a_difference_is_that_of_its_test(clustered):
    values, clusters = clustered
    for a, b in (
        (values + 1, values[::-1]),
        (values > 0, values[::-1] > 0),
        (values > 9, values > 9),
    ):
        tested = paired_difference(a, b, clusters, SEED)
        assert numbers(tested) == numbers(difference_interval(a, b, clusters, SEED))


def _hits(queries=300, documents=200):
    """Hits of a model, of a worse one and their documents."""
    random = np.random.default_rng(4)
    before = random.random(queries) < 0.6
    after = before & (random.random(queries) < 0.8) | (random.random(queries) < 0.05)
    return before, after, random.integers(documents, size=queries)


def test_a_ratio_resamples_both_sums_over_the_same_documents():
    before, after, documents = _hits()
    interval = ratio_interval(after, before, documents, SEED)
    assert interval.value == after.sum() / before.sum()
    assert interval.n == 300
    random, ratios = np.random.default_rng(0), []
    members = [np.flatnonzero(documents == name) for name in np.unique(documents)]
    for _ in range(2000):
        rows = np.concatenate(
            [members[i] for i in random.integers(len(members), size=len(members))]
        )
        ratios.append(after[rows].sum() / before[rows].sum())
    low, high = np.quantile(ratios, [0.025, 0.975])
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.01)


def test_the_ratio_to_oneself_is_one_with_a_width():
    before, _, documents = _hits()
    interval = ratio_interval(before, before, documents, SEED)
    bound = wilson(0, len(np.unique(documents))).high / before.mean()
    assert numbers(interval) == pytest.approx((1, 1 - bound, 1 + bound, 300))


def test_nothing_left_is_a_ratio_of_zero_with_a_width():
    interval = ratio_interval([0] * 4, [1, 0, 1, 0], list("abcd"), SEED)
    assert numbers(interval) == pytest.approx((0, 0, 2 * wilson(0, 4).high, 4))


def test_no_ratio_to_nothing():
    interval = ratio_interval([1, 0], [0, 0], list("ab"), SEED)
    assert np.isnan([interval.value, interval.low, interval.high]).all()
    assert interval.n == 0


def test_draws_without_a_hit_below_the_line_are_left_out():
    interval = ratio_interval([1, 1, 0], [1, 0, 0], list("abc"), SEED)
    assert interval.value == 2
    assert 1 <= interval.low < interval.high < np.inf


def test_a_ratio_over_one_document_has_no_bounds():
    interval = ratio_interval([1, 0], [1, 1], list("aa"), SEED)
    assert (interval.value, interval.n) == (0.5, 2)
    assert np.isnan([interval.low, interval.high]).all()


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
    [
        ([1, 2], ["a", None], "a query has no document"),
        ([1, 2], ["a"], "2 values have 1 documents"),
        ([1, np.nan], ["a", "b"], "value 1 is not"),
    ],
)
def test_unusable_values_are_refused(values, clusters, message):
    with pytest.raises(AnalysisError, match=message):
        mean_interval(values, clusters, SEED)


def test_unpaired_values_are_refused():
    with pytest.raises(AnalysisError, match="1 values are paired with 2"):
        paired_difference([1], [1, 2], ["a", "b"], SEED)
