import pandas as pd
import pytest

from genir.analyses.removed_documents import draw_removed_documents, of_one_document
from genir.base.errors import AnalysisError


def _correct(documents: int = 20) -> pd.DataFrame:
    """Document i has 1 + i % 3 correct queries."""
    rows = [(f"d{i:02d}", f"q{i:02d}-{j}") for i in range(documents) for j in range(1 + i % 3)]
    return pd.DataFrame(rows, columns=["doc_id", "query_id"])


def test_sets_are_disjoint_and_of_the_asked_size():
    drawn = draw_removed_documents(_correct(), 4, 5, seed=1)
    assert list(drawn.columns) == ["set", "doc_id", "query_id"]
    sets = drawn.groupby("set")["doc_id"].agg(set)
    assert sets.map(len).to_dict() == {1: 5, 2: 5, 3: 5, 4: 5}
    assert len(set.union(*sets)) == 20


def test_every_correct_query_of_a_removed_document_is_listed():
    correct = _correct()
    drawn = draw_removed_documents(correct, 2, 3, seed=1)
    expected = correct[correct["doc_id"].isin(drawn["doc_id"])]
    assert sorted(drawn["query_id"]) == sorted(expected["query_id"])
    assert drawn["query_id"].is_unique
    assert (drawn["doc_id"].str[1:] == drawn["query_id"].str[1:3]).all()


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_rows():
    correct = _correct()
    drawn = draw_removed_documents(correct, 2, 3, seed=1).reset_index(drop=True)
    shuffled = correct.sample(frac=1, random_state=3)
    again = draw_removed_documents(shuffled, 2, 3, seed=1).reset_index(drop=True)
    pd.testing.assert_frame_equal(again, drawn)
    other = draw_removed_documents(correct, 2, 3, seed=2)
    assert set(other["doc_id"]) != set(drawn["doc_id"])


def test_queries_with_another_relevant_document_are_left_out():
    correct = _correct(4)
    qrels = correct[["query_id", "doc_id"]]
    more = pd.DataFrame({"query_id": ["q01-0", "q02-1"], "doc_id": ["d03", "d00"]})
    alone = of_one_document(correct, pd.concat([qrels, more]))
    assert sorted(alone["query_id"]) == ["q00-0", "q01-1", "q02-0", "q02-2", "q03-0"]
    pd.testing.assert_frame_equal(of_one_document(correct, qrels), correct)


def test_too_few_documents_are_an_error_that_names_the_keys():
    with pytest.raises(AnalysisError, match=r"need 21 .* there are 20; .*`reduced.documents`"):
        draw_removed_documents(_correct(), 3, 7, seed=1)
