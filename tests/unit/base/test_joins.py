import numpy as np
import pandas as pd
import pytest
from tiny_text import tiny_tokenizer
from tiny_training import FINETUNING

from genir.analyses.removed_documents import removed_set
from genir.analyses.stages import mean_ratios
from genir.base.errors import AnalysisError
from genir.base.joins import check_known, looked_up
from genir.corpora.corpus import read_exported
from genir.corpora.dataset import TrainingFiles
from genir.corpora.trec import write_qrels
from genir.estimates.ranks import read_queries, read_ranks, views
from genir.study.claim_rules import Evidence
from genir.subjects.queries import build_queries
from genir.training.finetuning import build_examples, without_documents


def _ranks(queries):
    columns = ["query_id", "doc_id", "vocabulary_rank", "docid_rank"]
    found = {"query_id": queries, "doc_id": "d", "vocabulary_rank": 1, "docid_rank": 1}
    logits = {"relevant_logit": 2.0, "other_logit": 1.0}
    return pd.DataFrame(found | logits, columns=[*columns, *logits])


def test_every_key_finds_its_value():
    values = pd.Series([1, 2], index=["a", "b"])
    assert looked_up(pd.Series(["b", "a", "b"]), values, "x").tolist() == [2, 1, 2]
    assert looked_up(pd.Series(["b"]), {"b": 3}, "x").tolist() == [3]
    with pytest.raises(AnalysisError, match=r"x.csv lacks '7', 1 of 2 that are asked for"):
        looked_up(pd.Series(["a", "7", "7"]), values, "x.csv")
    with pytest.raises(AnalysisError, match="has 'a' twice"):
        looked_up(pd.Series(["a"]), pd.Series([1, 2], index=["a", "a"]), "x")


def test_a_number_is_not_its_text():
    with pytest.raises(AnalysisError, match="lacks 7, 1 of 1"):
        check_known([7], ["7"], "x")


DOCUMENTS = pd.DataFrame({"doc_id": ["7", "8", "NA"], "title": "", "text": "x"})
PAIRS = pd.DataFrame({"query_id": ["1", "2", "3"], "doc_id": ["7", "8", "NA"], "text": "x"})


def test_removed_documents_are_gone():
    kept, pairs = without_documents(DOCUMENTS, PAIRS, ["7", "NA"])
    assert (kept["doc_id"].tolist(), pairs["query_id"].tolist()) == (["8"], ["2"])


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ([7, 8], "lacks 7, 2 of 2"),
        (["9"], "lacks '9'"),
        (["7", "7"], "2 documents are to be removed, 2 of 3 would be left"),
    ],
)
def test_what_cannot_be_removed_stops_the_training(removed, message):
    with pytest.raises(AnalysisError, match=message):
        without_documents(DOCUMENTS, PAIRS, removed)


def test_sets_are_complete():
    rows = [(1, "7", "1"), (1, "7", "2"), (1, "8", "3"), (2, "NA", "4"), (2, "9", "5")]
    table = pd.DataFrame(rows, columns=["set", "doc_id", "query_id"])
    assert removed_set(table, 1, "r.csv") == ["7", "8"]
    assert removed_set(table, 2, "r.csv") == ["NA", "9"]
    for wrong, number in ((table, 3), (table.iloc[:4], 1), (table.replace("9", "7"), 1)):
        with pytest.raises(AnalysisError, match=r"r.csv has sets of .* share nothing: delete"):
            removed_set(wrong, number, "r.csv")


def test_training_pairs_have_text_and_document(tmp_path):
    files = TrainingFiles(*(tmp_path / name for name in ("d.parquet", "q.parquet", "qrels.txt")))
    DOCUMENTS.to_parquet(files.documents)
    PAIRS.to_parquet(files.queries)
    write_qrels(files.qrels, PAIRS)
    assert files.read()[1]["text"].tolist() == ["x"] * 3
    for column, value in (("query_id", "4"), ("doc_id", "9")):
        write_qrels(files.qrels, PAIRS.replace({column: {"1": value, "7": value}}))
        with pytest.raises(AnalysisError, match=f"parquet lacks '{value}'"):
            files.read()


def test_views_need_the_same_queries():
    clean = _ranks(["1", "2"])
    assert len(views(clean, clean)["all"]) == 2
    with pytest.raises(AnalysisError, match="lacks '2', 1 of 2"):
        views(_ranks(["1"]), clean)
    assert len(views(_ranks(["1"]), clean, complete=False)["all"]) == 1


def test_files_of_ranks_have_no_holes(tmp_path):
    _ranks(["1", None]).to_parquet(tmp_path / "r.parquet")
    with pytest.raises(AnalysisError, match="has an empty cell"):
        read_ranks(tmp_path / "r.parquet")
    _ranks(["1"]).assign(other_logit=np.nan).to_parquet(tmp_path / "r.parquet")
    assert len(read_ranks(tmp_path / "r.parquet")) == 1
    _ranks(["1"]).drop(columns="other_logit").to_parquet(tmp_path / "r.parquet")
    with pytest.raises(AnalysisError, match="lacks the columns \\['other_logit'\\]"):
        read_ranks(tmp_path / "r.parquet")
    (tmp_path / "q.csv").write_text("query_id,doc_id\nNA,1\nNA,2\n")
    with pytest.raises(AnalysisError, match="holds query 'NA' twice"):
        read_queries(tmp_path / "q.csv")


def test_ratios_of_every_correct_query():
    table = pd.DataFrame({"query_id": "1", "layer": 0, "ratio": [0.5, 0.2, 0.3]})
    table["component"] = ["self_attention", "cross_attention", "mlp"]
    assert mean_ratios(table, pd.Series(["1"])).tolist() == [[0.5, 0.2, 0.3]]
    with pytest.raises(AnalysisError, match="lacks '2', 1 of 2"):
        mean_ratios(table, pd.Series(["1", "2"]))
    table.loc[1, "ratio"] = float("nan")
    with pytest.raises(AnalysisError, match="of query '1' is not a number"):
        mean_ratios(table, pd.Series(["1"]))


def test_queries_and_qrels_are_of_one_split():
    qrels = PAIRS[["query_id", "doc_id"]]
    for table, others in ((PAIRS, qrels.iloc[:2]), (PAIRS.iloc[:2], qrels)):
        with pytest.raises(AnalysisError, match=r"the (qrels|queries) file lacks '3', 1 of 3"):
            build_queries(
                table, others, {"7": 1, "8": 2, "NA": 3}, tiny_tokenizer().backend_tokenizer, 8
            )


def test_every_example_has_a_docid_token():
    with pytest.raises(AnalysisError, match="the docid mapping lacks '8', 1 of 3"):
        build_examples(
            DOCUMENTS, PAIRS, {"7": 1, "NA": 3}, tiny_tokenizer().backend_tokenizer, FINETUNING
        )


def test_a_corpus_has_what_its_qrels_name(tmp_path):
    files = [tmp_path / name for name in ("d.parquet", "q.parquet", "qrels.txt")]
    DOCUMENTS.iloc[:2].to_parquet(files[0])
    PAIRS.to_parquet(files[1])
    write_qrels(files[2], PAIRS)
    with pytest.raises(AnalysisError, match=r"d\.parquet lacks 'NA', 1 of 3"):
        read_exported(*files)


def test_ranks_of_every_correct_query():
    evidence = Evidence(_ranks(["1", "02"]), {}, "", None, None, None, None, None, 1)
    assert evidence.first(_ranks(["02", "1"])).to_dict() == {"1": True, "02": True}
    with pytest.raises(AnalysisError, match="has no rank for query '02'"):
        evidence.first(_ranks(["1", "2"]))
