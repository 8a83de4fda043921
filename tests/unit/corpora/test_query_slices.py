import numpy as np
import pandas as pd
import pytest
import query_slices as script

from genir.base.errors import AnalysisError
from genir.corpora.query_slices import KINDS, query_slices
from genir.corpora.trec import write_qrels
from genir.files.io import read_json

QUERIES = pd.DataFrame(
    [
        ("a0", "severe cough", "a", "train", 1),
        ("a1", "dry coughs at night", "a", "train", 1),
        ("a2", "night cough", "a", "validation", 1),
        ("b0", "sore throat", "b", "train", 0),
        ("b1", "painful swallowing", "b", "validation", 0),
        ("b2", "the throat is sore", "b", "test", 0),
        ("c0", "the", "c", "train", 0),
        ("c1", "of", "c", "test", 0),
        ("d0", "fever", "d", "test", 1),
    ],
    columns=["query_id", "text", "doc_id", "split", "shared_words"],
)
PAIRS = QUERIES[["query_id", "doc_id"]]
TRAINING = PAIRS[QUERIES["split"] == "train"]
HELD_OUT = PAIRS[QUERIES["split"] != "train"]


@pytest.fixture(scope="module")
def found():
    table, record = query_slices(QUERIES, TRAINING, HELD_OUT)
    return table.set_index("query_id"), record


def test_the_nearest_training_query_by_hand(found):
    table, _ = found
    assert list(table.index) == ["a2", "b1", "b2", "c1", "d0"]
    # cough, night in cough, dry, night; nothing in common with b0; all of it; no content word.
    assert table["nearest_overlap"].tolist()[:4] == [pytest.approx(2 / 3), 0, 1, 0]
    assert table["nearest_id"].tolist()[:4] == ["a1", "b0", "b0", "c0"]
    assert table["training_count"].tolist() == [2, 1, 1, 1, 0]
    assert table.loc["d0", ["nearest_id", "nearest_overlap"]].isna().all()


def test_slices_by_hand(found):
    table, record = found
    assert table["shared_word"].tolist() == ["yes", "no", "no", "no", "yes"]
    assert table["shared_with"].tolist() == ["both", "neither", "query", "neither", "document"]
    low, middle = np.quantile([2 / 3, 0, 1, 0], [1 / 3, 2 / 3])
    assert record["boundaries"]["nearest_query"] == {"low": low, "middle": middle}
    assert table["nearest_query"].tolist() == ["middle", "low", "high", "low", "none"]
    # Equal counts stay together.
    assert record["boundaries"]["training_queries"] == {"low": 1, "middle": 1}
    assert table["training_queries"].tolist() == ["high", "low", "low", "low", "none"]
    assert set(record["queries"]) == set(KINDS)
    assert record["queries"]["shared_word"] == {
        "validation": {"yes": 1, "no": 1},
        "test": {"yes": 1, "no": 2},
    }


def test_without_training_queries_there_are_no_thirds():
    table, record = query_slices(QUERIES, TRAINING.iloc[:0], HELD_OUT)
    assert record["boundaries"] == {"nearest_query": None, "training_queries": None}
    assert (table[["nearest_query", "training_queries"]] == "none").all(axis=None)
    assert set(table["shared_with"]) == {"document", "neither"}


def test_training_queries_of_every_relevant_document_count():
    more = pd.DataFrame({"query_id": ["d0"], "doc_id": ["b"]})
    table, _ = query_slices(QUERIES, TRAINING, pd.concat([HELD_OUT, more]))
    row = table.set_index("query_id").loc["d0"]
    assert row[["nearest_id", "nearest_overlap", "training_count"]].tolist() == ["b0", 0, 1]


def test_the_order_of_the_queries_changes_nothing(found):
    shuffled = QUERIES.sample(frac=1, random_state=1)
    table, record = query_slices(shuffled, TRAINING.iloc[::-1], HELD_OUT.iloc[::-1])
    pd.testing.assert_frame_equal(table.set_index("query_id").loc[found[0].index], found[0])
    assert record == found[1]


def test_a_query_without_qrels_is_named():
    with pytest.raises(AnalysisError, match="'d0'"):
        query_slices(QUERIES, TRAINING, HELD_OUT.iloc[:-1])


def test_the_script_writes_both_files(tmp_path):
    QUERIES.to_parquet(tmp_path / "queries.parquet")
    for split, rows in QUERIES.groupby("split"):
        write_qrels(tmp_path / f"{split}.txt", rows)
    qrels = [tmp_path / f"{split}.txt" for split in ("train", "validation", "test")]
    written = tmp_path / "slices.parquet", tmp_path / "slices.json"
    script.main(tmp_path / "queries.parquet", *qrels, *written)
    assert len(pd.read_parquet(written[0])) == 5
    assert set(read_json(written[1])) == {"boundaries", "queries"}
