import pytest

from genir.base.errors import AnalysisError
from genir.estimates.ranks import rank_measures


def test_rank_measures_by_hand():
    measures = rank_measures([1, 2, 4, 2000], list("abcd"), seed=1)
    values = {name: interval.value for name, interval in measures.items()}
    assert values == pytest.approx(
        {
            "mrr": (1 + 1 / 2 + 1 / 4 + 1 / 2000) / 4,
            "hits_at_1": 1 / 4,
            "mean_rank": 2007 / 4,
            "median_rank": 3,
            "share_beyond_1000": 1 / 4,
        }
    )
    assert {interval.n for interval in measures.values()} == {4}


def test_ranks_all_first():
    measures = rank_measures([1, 1, 1], list("abc"), seed=1)
    assert (measures["mean_rank"].low, measures["mean_rank"].high) == (1, 1)
    assert measures["mrr"].low < measures["mrr"].high == 1
    assert measures["share_beyond_1000"].high > 0


def test_ranks_from_zero_are_refused():
    with pytest.raises(AnalysisError, match="ranks count from 1"):
        rank_measures([0, 3], list("ab"), seed=1)
