import numpy as np
import pandas as pd
import pytest
import retrieval_metrics as script

from genir.analyses.run_metrics import METRICS, query_metrics, retrieval_metrics
from genir.base.errors import AnalysisError
from genir.corpora.trec import write_qrels
from genir.corpora.trec import write_run as write_trec_run
from genir.estimates.intervals import wilson

QUERIES = pd.DataFrame(
    {
        "query_id": ["q1", "q2", "q3", "q4"],
        "doc_id": ["d1", "d2", "d3", "d3"],
        "verbatim": [True, False, False, False],
        "shared_words": [2, 0, 1, 0],
        "split": ["test", "test", "test", "test"],
    }
)


def write_run(path, rankings):
    lines = [
        f"{query} Q0 {doc} {rank} {1000 - rank} tag"
        for query, docs in rankings.items()
        for rank, doc in enumerate(docs, 1)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def ranking(relevant, rank):
    """Thirty documents with `relevant` at `rank`."""
    others = [f"x{number}" for number in range(29)]
    return [*others[: rank - 1], relevant, *others[rank - 1 :]]


@pytest.fixture
def qrels(tmp_path):
    path = tmp_path / "qrels.txt"
    path.write_text(
        "".join(f"{q} 0 {d} 1\n" for q, d in zip(QUERIES.query_id, QUERIES.doc_id, strict=True))
    )
    return path


def test_a_perfect_run_scores_one(tmp_path, qrels):
    perfect = {q: ranking(d, 1) for q, d in zip(QUERIES.query_id, QUERIES.doc_id, strict=True)}
    table = retrieval_metrics(write_run(tmp_path / "run", perfect), qrels, QUERIES)
    assert (table["value"] == 1).all()
    assert (table["low"] < 1).all()


def test_metrics_by_hand(tmp_path, qrels):
    run = write_run(
        tmp_path / "run",
        {"q1": ranking("d1", 1), "q2": ranking("d2", 4), "q3": ranking("d3", 11)},
    )
    table = query_metrics(run, qrels, QUERIES["query_id"])
    expected = [
        [1, 1, 1, 1, 1],
        [0, 1, 1, 1 / 4, 1 / np.log2(5)],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    assert list(table.columns) == list(METRICS)
    assert table.to_numpy() == pytest.approx(np.array(expected))


def test_recall_counts_every_relevant_document(tmp_path):
    (tmp_path / "qrels").write_text("q1 0 d1 1\nq1 0 d2 1\n")
    run = write_run(tmp_path / "run", {"q1": ["d2", "x", "y"]})
    table = query_metrics(run, tmp_path / "qrels", pd.Series(["q1"]))
    assert table.loc["q1", ["hits_at_1", "recall_at_5"]].tolist() == [1, 0.5]


def test_slices_hold_their_queries(tmp_path, qrels):
    run = write_run(tmp_path / "run", {"q1": ranking("d1", 1), "q2": ranking("d2", 1)})
    table = retrieval_metrics(run, qrels, QUERIES).set_index(["slice", "metric"])
    hits = table.xs("hits_at_1", level="metric")
    assert hits["n"].to_dict() == {"all": 4, "no_shared_word": 2, "not_verbatim": 3}
    assert hits["value"].tolist() == pytest.approx([1 / 2, 1 / 2, 1 / 3])
    expected = wilson(1, 2)
    assert hits.loc["no_shared_word", ["low", "high"]].tolist() == [expected.low, expected.high]


def test_an_empty_slice_has_n_zero(tmp_path, qrels):
    run = write_run(tmp_path / "run", {"q1": ranking("d1", 1)})
    table = retrieval_metrics(run, qrels, QUERIES.assign(verbatim=True))
    empty = table[table["slice"] == "not_verbatim"]
    assert (empty["n"] == 0).all()
    assert empty["value"].isna().all()


def test_a_query_without_qrels_is_named(tmp_path, qrels):
    run = write_run(tmp_path / "run", {"q1": ["d1"]})
    with pytest.raises(AnalysisError, match="no line for query 'q9'"):
        query_metrics(run, qrels, pd.Series(["q1", "q9"]))


def test_script_writes_both_splits(tmp_path, qrels):
    run = write_run(tmp_path / "run", {"q1": ranking("d1", 1)})
    both = pd.concat([QUERIES, QUERIES.assign(split="validation")])
    both.to_parquet(tmp_path / "queries.parquet")
    paths = (run, qrels, run, qrels, tmp_path / "queries.parquet", tmp_path / "out.csv")
    script.main("bm25_text", "hpo", "query", *paths)
    table = pd.read_csv(tmp_path / "out.csv")
    assert " ".join(table.columns) == (
        "system dataset split_mode split slice metric value low high n"
    )
    assert len(table) == 2 * 3 * len(METRICS)
    assert set(table["split"]) == {"validation", "test"}


def test_odd_ids_are_measured_like_others(tmp_path):
    names = ["NA", "a b", "%20", "\ufeff007", "null", "\u65e5\u672c"]
    queries = pd.Series(names)
    write_qrels(tmp_path / "qrels", pd.DataFrame({"query_id": names, "doc_id": names}))
    ranked = np.array([[name, f"not {name}"] for name in names], dtype=object)
    ranked[1] = ranked[1][::-1]
    write_trec_run(tmp_path / "run", names, ranked, "tag")
    table = query_metrics(tmp_path / "run", tmp_path / "qrels", queries)
    assert table.index.tolist() == names
    assert table["mrr_at_10"].tolist() == [1, 0.5, 1, 1, 1, 1]


def test_a_run_on_other_queries_is_refused(tmp_path, qrels):
    run = write_run(tmp_path / "run", {"9": ranking("d1", 1)})
    with pytest.raises(AnalysisError, match="lacks '9', 1 of 1"):
        query_metrics(run, qrels, QUERIES["query_id"])
