"""The share of the logit difference that moves to the donor's document."""

import numpy as np
import pandas as pd
import pytest

from genir.base.errors import AnalysisError
from genir.estimates.donors import MOVED, read_donors
from genir.estimates.patch_effects import patching_effects

IDS = ["q0", "q1", "q2", "q3", "q4"]


def ranks(relevant, donor=None, vocabulary=(1, 1, 1, 1, 5)):
    frame = pd.DataFrame({"query_id": IDS, "doc_id": [f"d{n}" for n in range(5)]})
    frame = frame.assign(vocabulary_rank=vocabulary, docid_rank=vocabulary, other_logit=0.0)
    frame["relevant_logit"] = np.array(relevant, float)
    return frame if donor is None else frame.assign(donor_logit=np.array(donor, float))


CLEAN = ranks([5, 4, 3, 2, -1])
DONORS = pd.DataFrame(
    {
        "query_id": ["q0", "q1", "q2", "q4"],
        "donor_doc_id": ["d1", "d2", "d2", "d0"],
        "difference": [6.0, 2.0, np.nan, 1.0],
        "donor_difference": [-4.0, -8.0, np.nan, -9.0],
    }
)


def effects(patched, donors=DONORS, clean=CLEAN):
    return patching_effects(clean, patched[patched["query_id"] != "q3"], 1, donors)


def test_the_share_by_hand():
    # Correct queries with a donor of another document: q0 and q1. The ways are 10 and 10 long;
    # from 6 to 2 - 1 = 1 and from 2 to 1 - 6 = -5 it is 5 and 7.
    rows = effects(ranks([2, 1, 9, 9, 9], [1, 6, 0, 0, 0]))
    assert rows["moved_to_donor"].tolist() == [pytest.approx(12 / 20)] * 2
    assert rows["moved_to_donor_n"].tolist() == [2, 2]
    assert (rows["moved_to_donor_low"] <= 0.6).all()
    assert (rows["moved_to_donor_high"] >= 0.6).all()


def test_nothing_moves_nothing_and_the_donor_s_own_logits_all():
    unmoved = effects(ranks([5, 4, 3, 2, -1], [-1, 2, 0, 0, -2]))
    assert unmoved[list(MOVED[:3])].to_numpy().tolist() == [[0, 0, 0]] * 2
    moved = effects(ranks([0, 0, 0, 0, 0], [4, 8, 0, 0, 0]))
    assert moved[list(MOVED[:3])].to_numpy().tolist() == [[1, 1, 1]] * 2


def test_all_effects_are_of_the_queries_with_a_donor():
    rows = effects(ranks([2, 1, 9, 9, 9], [1, 6, 0, 0, 0], vocabulary=(1, 2, 1, 9, 1)))
    assert rows["broken_percent"].tolist() == [pytest.approx(100 / 3)] * 2
    assert rows["n"].tolist() == [3, 3]
    assert (rows["repaired"].tolist(), rows["repaired_n"].tolist()) == ([100, 100], [1, 1])
    assert rows["net_n"].tolist() == [4, 4]
    assert rows["logit_difference_lost_n"].tolist() == [3, 3]


def test_donors_that_prefer_the_query_s_document_give_no_share():
    donors = DONORS.assign(donor_difference=[7.0, 9.0, np.nan, -9.0])
    rows = effects(ranks([2, 1, 9, 9, 9], [1, 6, 0, 0, 0]), donors)
    assert rows["moved_to_donor"].isna().all()
    assert (rows["moved_to_donor_n"] == 0).all()


def test_without_donors_there_is_no_share():
    rows = patching_effects(CLEAN, CLEAN, 1)
    assert rows["moved_to_donor"].isna().all()
    assert (rows["moved_to_donor_n"] == 0).all()


def test_ranks_of_other_queries_than_those_with_a_donor_are_refused():
    patched = ranks([2, 1, 9, 9, 9], [1, 6, 0, 0, 0])
    with pytest.raises(AnalysisError, match="query 'q3' is in only one"):
        patching_effects(CLEAN, patched, 1, DONORS)
    with pytest.raises(AnalysisError, match="lacks 'q9'"):
        effects(patched, DONORS.assign(query_id=["q0", "q1", "q2", "q9"]))


def test_queries_without_a_donor_are_left_out(tmp_path):
    table = DONORS.assign(donor_doc_id=["d1", None, "d2", "d0"])
    table.to_parquet(tmp_path / "donor_rival.parquet")
    assert read_donors(tmp_path, "donor_rival")["query_id"].tolist() == ["q0", "q2", "q4"]
    assert read_donors(tmp_path, "mean") is None
