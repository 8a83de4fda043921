import numpy as np
import pandas as pd
import pytest
from synthetic_results import with_logits

from genir.base.errors import AnalysisError
from genir.estimates.intervals import wilson
from genir.estimates.patch_effects import (
    DIFFERENCE_LOST,
    logit_difference_lost,
    patching_effects,
)


def ranks(vocabulary, docid=None):
    count = len(vocabulary)
    frame = pd.DataFrame(
        {
            "query_id": [f"q{number}" for number in range(count)],
            "doc_id": [f"d{number}" for number in range(count)],
            "vocabulary_rank": vocabulary,
            "docid_rank": vocabulary if docid is None else docid,
        }
    )
    return with_logits(frame)


UNMODIFIED = ranks([1, 1, 1, 1, 5, 2], docid=[1, 1, 1, 1, 3, 1])


def effects(patched, unmodified=UNMODIFIED):
    return patching_effects(unmodified, patched).set_index("rank_kind")


def test_a_patch_that_changes_nothing_breaks_nothing():
    table = effects(UNMODIFIED)
    assert table["unchanged"].all()
    assert (table[["broken_percent", "repaired", "net_hits_at_1"]] == 0).all(axis=None)
    assert (table["high"] > 0).all()
    assert (table["net_low"] < 0).all()
    assert (table["net_high"] > 0).all()


def test_effects_by_hand():
    patched = ranks([1, 7, 1, 3, 1, 2], docid=[1, 4, 1, 1, 1, 1])
    table = effects(patched)
    assert not table["unchanged"].any()
    assert table["broken_percent"].tolist() == [50, 25]
    assert table["n"].tolist() == [4, 4]
    assert table["repaired"].tolist() == [50, 100]
    assert table["repaired_n"].tolist() == [2, 1]
    assert table["net_hits_at_1"].tolist() == pytest.approx([100 * (3 - 4) / 6, 0])
    assert table["net_n"].tolist() == [6, 6]
    assert table.loc["vocabulary", "low"] == pytest.approx(100 * wilson(2, 4).low)


def test_everything_broken_has_a_width():
    table = effects(ranks([9] * 6))
    assert (table["broken_percent"] == 100).all()
    assert (table["low"] < 100).all()


def test_net_change_is_repaired_minus_broken():
    random = np.random.default_rng(2)
    before, after = (ranks(random.integers(1, 4, size=60)) for _ in range(2))
    row = effects(after, before).loc["vocabulary"]
    net = row["repaired"] * row["repaired_n"] - row["broken_percent"] * row["n"]
    assert row["net_hits_at_1"] * row["net_n"] == pytest.approx(net)


def test_queries_are_aligned_by_id():
    patched = ranks([1, 7, 1, 3, 1, 2])
    pd.testing.assert_frame_equal(effects(patched), effects(patched.sample(frac=1, random_state=1)))


def test_one_changed_rank_is_a_change():
    patched = UNMODIFIED.assign(docid_rank=[1, 1, 1, 1, 3, 2])
    assert not effects(patched)["unchanged"].any()


def test_no_correct_query_leaves_the_percentage_empty():
    table = effects(ranks([2, 1]), ranks([4, 3]))
    assert table["broken_percent"].isna().all()
    assert table["n"].tolist() == [0, 0]
    assert table["repaired"].tolist() == [50, 50]


def test_a_missing_query_is_named():
    with pytest.raises(AnalysisError, match="query 'q5' is in only one"):
        effects(UNMODIFIED.iloc[:5])


def test_a_repeated_query_is_named():
    with pytest.raises(AnalysisError, match="query 'q0' occurs twice in the patched ranks"):
        effects(pd.concat([UNMODIFIED, UNMODIFIED.iloc[:1]]))


def leading(*differences, vocabulary=None, documents=None):
    """Ranks with these logit differences."""
    frame = ranks(vocabulary or [1] * len(differences))
    frame["other_logit"] = np.arange(len(differences)) - 2.0
    frame["relevant_logit"] = frame["other_logit"] + np.array(differences)
    return frame.assign(doc_id=documents or frame["doc_id"])


def test_the_logit_difference_lost_is_a_ratio_of_means_over_correct_queries():
    before = leading(1, 2, 3, 4, -5, vocabulary=[1, 1, 1, 1, 8])
    after = leading(1, 1, -3, 0, 9, vocabulary=[1, 1, 4, 1, 1])
    after["relevant_logit"] += 100
    after["other_logit"] += 100
    found = logit_difference_lost(before, after, seed=1)
    assert (found.value, found.n) == (pytest.approx((10 - (-1)) / 10), 4)
    assert found.low < found.value < found.high
    rows = patching_effects(before, after, seed=1)
    values = [found.value, found.low, found.high, found.n]
    assert rows[list(DIFFERENCE_LOST)].to_numpy().tolist() == [pytest.approx(values)] * 2


def test_its_interval_resamples_documents_in_both_sums():
    random = np.random.default_rng(3)
    documents = [f"d{number // 2}" for number in range(20)]
    before = leading(*random.uniform(1, 5, 20), documents=documents)
    halved = before.assign(relevant_logit=(before["relevant_logit"] + before["other_logit"]) / 2)
    found = logit_difference_lost(before, halved, seed=1)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_what_changes_nothing_takes_nothing_of_the_difference():
    before = leading(1, 2, 3)
    found = logit_difference_lost(before, before, seed=1)
    assert (found.value, found.low, found.high, found.n) == (0, 0, 0, 3)


def test_without_another_document_or_a_correct_query_there_is_no_difference():
    before = leading(1, 2, 3)
    alone = before.assign(other_logit=np.nan)
    assert logit_difference_lost(alone, alone, seed=1).n == 0
    one = before.assign(other_logit=before["other_logit"].mask(before["query_id"] == "q0"))
    assert logit_difference_lost(one, one, seed=1).n == 2
    wrong = leading(-1, -2, vocabulary=[5, 6])
    found = logit_difference_lost(wrong, wrong, seed=1)
    assert found.n == 0
    assert np.isnan(found.value)
