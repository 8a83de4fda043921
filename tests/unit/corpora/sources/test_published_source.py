"""The study's JSON files as a corpus."""

import re

import export_corpus
import pytest
from record_formats import published

from genir.base.errors import CorpusError
from genir.corpora.sources import published as published_corpus
from genir.corpora.trec import read_qrels
from genir.files.io import read_json


def _read(folder, **changed):
    return published_corpus.read(**published(folder, **changed))


def test_ids_splits_and_pairs(tmp_path):
    corpus, origin = _read(tmp_path)
    assert corpus.documents["doc_id"].tolist() == ["-2", "-1", "0", "1"]
    assert corpus.documents["text"].iloc[0] == "document 0 xxxxxxxxxx"
    assert corpus.queries.to_dict("list") == {
        "query_id": ["Q0", "Q3", "Q1", "Q2"],
        "text": ["zero", "three", "one", "two"],
        "split": ["train", "train", "validation", "test"],
    }
    pairs = list(corpus.qrels.itertuples(index=False, name=None))
    assert pairs == [("Q0", "-2"), ("Q3", "1"), ("Q1", "-1"), ("Q2", "0"), ("Q2", "-1")]
    assert sum(origin.counts["dropped"].values()) == 0
    assert list(origin.inputs) == [
        *("documents", "train_queries", "validation_queries", "test_queries"),
        *("validation_qrels", "test_qrels"),
    ]


def test_ids_spelled_as_tokens_are_the_same_ids(tmp_path):
    plain, _ = _read(tmp_path / "a")
    documents = [{"id": f" @DOC_ID_{i - 2}@", "text": f"document {i} xxxxxxxxxx"} for i in range(4)]
    queries = [{"id": "Q1", "query": "one", "relevant_docs": ["@DOC_ID_-1@"]}]
    spelled, _ = _read(tmp_path / "b", documents=documents, validation_queries=queries)
    assert spelled.documents.equals(plain.documents)
    assert spelled.qrels.equals(plain.qrels)


def test_qrels_are_optional(tmp_path):
    (with_qrels, _), (without, _) = _read(tmp_path / "a"), _read(tmp_path / "b", qrels=False)
    assert with_qrels.qrels.equals(without.qrels)


def test_grades_of_0_and_less_are_not_relevant(tmp_path):
    qrels = {"query": ["Q2", "Q2"], "q0": ["q0"] * 2, "docid": ["0", "-1"], "rel": [4, 0]}
    corpus, origin = _read(tmp_path, test_qrels=qrels)
    assert ("Q2", "-1") not in set(corpus.qrels.itertuples(index=False, name=None))
    assert origin.counts["dropped"]["relevant_pairs_with_no_grade_above_0"] == 1


def test_documents_that_are_not_there_are_counted(tmp_path):
    queries = [
        {"id": "Q0", "query": "zero", "relevant_docs": [-2, 77]},
        {"id": "Q3", "query": "three", "relevant_docs": [78]},
        {"id": "Q4", "query": "four", "relevant_docs": []},
        {"id": "Q5", "query": "three and", "relevant_docs": [1, 1]},
    ]
    corpus, origin = _read(tmp_path, train_queries=queries)
    assert corpus.queries["query_id"].tolist() == ["Q0", "Q5", "Q1", "Q2"]
    assert len(corpus.qrels) == 5
    assert origin.counts["dropped"] == {
        "documents_without_text": 0,
        "queries_without_text": 0,
        "relevant_pairs_without_document": 2,
        "queries_without_document": 2,
        "relevant_pairs_with_no_grade_above_0": 0,
    }


QUERY = {"id": "Q1", "query": "one", "relevant_docs": [-1]}
OTHER = {"query": ["Q1"], "docid": ["0"], "rel": [4]}


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("documents", {"id": 1}, 'documents.json is not a list; write [{"id": .., ...}, ...]'),
        ("documents", [], "documents.json is an empty list"),
        ("documents", "[1,", "documents.json, line 1: not JSON"),
        ("documents", ["a"], "documents.json, entry 1: not an object"),
        ("documents", [{"text": "x"}], 'documents.json, entry 1: no id; add "id": "..."'),
        ("documents", [{"id": 1}], "documents.json, entry 1: no text; add"),
        ("documents", [{"id": 1.5, "text": "x"}], "entry 1: id is a number; write text in quotes"),
        ("documents", [{"id": True, "text": "x"}], "entry 1: id is true or false; write text"),
        ("documents", [{"id": "@DOC_ID_ a@", "text": "x"}], "entry 1: id ' a' begins or ends with"),
        (
            "documents",
            [{"id": 1, "text": "x"}, {"id": "@DOC_ID_1@", "text": "y"}],
            "documents.json, entry 2: id '1' is in entry 1 already",
        ),
        (
            "validation_queries",
            [{"id": "Q0", "query": "x", "relevant_docs": [1]}],
            "train_queries.json, entry 1 already",
        ),
        ("validation_queries", [{"id": "Q1", "query": "x"}], "entry 1: no relevant_docs; add"),
        (
            "validation_queries",
            [QUERY | {"relevant_docs": 1}],
            "validation_queries.json, entry 1: relevant_docs is a number; write a list",
        ),
        ("validation_queries", [QUERY, QUERY | {"id": "Q9"}], "entry 2: for query 'Q9', document "),
        ("validation_qrels", OTHER, "entry 1: for query 'Q1', document '-1' is relevant in "),
        (
            "validation_qrels",
            {"query": ["Q1", "Q8"], "docid": ["-1", "0"], "rel": [4, 4]},
            "validation_qrels.json: query 'Q8' is not in ",
        ),
        ("validation_qrels", [1], "validation_qrels.json is not an object; write"),
        ("validation_qrels", OTHER | {"rel": []}, "lists of different lengths (query 1, docid 1,"),
        ("validation_qrels", OTHER | {"rel": ["4"]}, "entry 1: rel '4' is not a whole number"),
        ("validation_qrels", {"query": []}, "whole file: no docid; add"),
    ],
)
def test_a_mistake_is_named_by_file_and_entry(tmp_path, file, content, message):
    with pytest.raises(CorpusError, match=re.escape(message)) as caught:
        _read(tmp_path, **{file: content})
    assert f"{file}.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path):
    files = published(tmp_path)
    files["documents"].unlink()
    with pytest.raises(CorpusError, match=r"documents\.json does not exist; correct the path"):
        published_corpus.read(**files)


def test_it_is_exported_with_its_split(tmp_path):
    folder = tmp_path / "out"
    export_corpus.main(
        "published",
        documents=folder / "documents.parquet",
        queries=folder / "queries.parquet",
        qrels=folder / "qrels.txt",
        manifest=folder / "manifest.json",
        files=published(tmp_path / "in"),
    )
    manifest = read_json(folder / "manifest.json")
    assert manifest["counts"]["queries_of_several_documents"] == 1
    assert manifest["release"].startswith("documents file, SHA-256 ")
    assert len(read_qrels(folder / "qrels.txt")) == 5
