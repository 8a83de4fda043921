from itertools import combinations

import numpy as np
import pytest

from genir.base.errors import AnalysisError
from genir.estimates.unpaired_tests import PERMUTATIONS, permutation_p

RANDOM = np.random.default_rng(3)


def exact_p(values, weights, size):
    """Over all groups of `size` queries."""
    everyone = np.arange(len(values))

    def difference(group):
        inside = np.isin(everyone, group)
        parts = (values[part].sum() / weights[part].sum() for part in (inside, ~inside))
        return abs(next(parts) - next(parts))

    drawn = np.array([difference(group) for group in combinations(everyone, size)])
    return np.mean(drawn >= difference(everyone[:size]) - 1e-12)


@pytest.mark.parametrize("weights", [np.ones(11), RANDOM.uniform(0.5, 3, 11)])
def test_it_is_near_the_test_of_all_permutations(weights):
    values = np.stack([np.arange(11.0), np.r_[np.ones(4), np.zeros(7)]])
    both = np.stack([weights, weights])
    first = np.arange(11) < 4
    found = permutation_p(values, both, first, np.arange(11), 1)
    expected = [exact_p(row, weights, 4) for row in values]
    assert found == pytest.approx(expected, abs=4 * np.sqrt(0.25 / PERMUTATIONS))


def test_documents_change_places_as_a_whole():
    """Two documents of five queries each: two groups of documents, whose difference is the same."""
    documents = np.repeat([0, 1], 5)
    values = np.r_[np.ones(5), np.zeros(5)][None]
    assert permutation_p(values, np.ones_like(values), documents == 0, documents, 1) == [1]
    assert permutation_p(values, np.ones_like(values), documents == 0, np.arange(10), 1) < 0.02


def test_only_documents_with_as_many_queries_change_places():
    documents = np.array([0, 0, 1, 1, 2, 3, 4, 5])
    first = np.array([1, 0, 1, 0, 0, 0, 0, 0], bool)
    values = np.array([[9.0, 1, 9, 1, 0, 0, 0, 0]])
    # Both documents of two queries have the same pattern, all others no first query.
    assert permutation_p(values, np.ones_like(values), first, documents, 1) == [1]


def test_no_difference_has_a_p_of_one_and_a_large_one_the_least():
    first = np.arange(60) < 30
    values = np.stack([np.ones(60), first * 1.0])
    found = permutation_p(values, np.ones_like(values), first, np.arange(60), 1)
    assert found.tolist() == [1, 1 / (PERMUTATIONS + 1)]


def test_p_is_uniform_without_a_difference():
    values = RANDOM.normal(size=(200, 40))
    found = permutation_p(values, np.ones_like(values), np.arange(40) < 15, np.arange(40), 1)
    assert np.mean(found < 0.2) == pytest.approx(0.2, abs=0.1)


def test_an_empty_group_has_no_test():
    values = np.ones((1, 4))
    assert np.isnan(permutation_p(values, values, np.zeros(4, bool), np.arange(4), 1)).all()


def test_what_does_not_belong_together_is_refused():
    values = np.ones((1, 4))
    with pytest.raises(AnalysisError, match="one of each per query"):
        permutation_p(values, values, np.ones(4, bool), np.arange(3), 1)
    with pytest.raises(AnalysisError, match="leave its query out"):
        permutation_p(values * np.nan, values, np.ones(4, bool), np.arange(4), 1)
