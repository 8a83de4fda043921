"""A small local collection in the package's own formats, read through the package."""

import re

import export_corpus
import ir_datasets
import pandas as pd
import pytest
from ir_datasets.datasets.base import Dataset
from ir_datasets.formats import TrecQrels, TsvDocs, TsvQueries
from ir_datasets.util import LocalDownload

from genir.base.errors import CorpusError
from genir.corpora.sources import ir_datasets as ir_datasets_corpus
from genir.files.io import read_json

DOCUMENTS = "d1\tthe first é\nd2\tthe second\nd3\tthe third\n"
QUERIES = {
    "train": "q1\tfirst one\nq2\tsecond\n",
    "dev": "q3\tthird\nq1\tfirst one\n",
    "eval": "q4\tno document\nq5\tthe second one\nq6\tlost\n",
}
QRELS = {
    "train": "q1 0 d1 2\nq1 0 d2 1\nq2 0 d2 1\nq2 0 d1 0\nq9 0 d1 1\n",
    "dev": "q3 0 d3 1\nq1 0 d3 1\n",
    "eval": "q5 0 d2 1\nq6 0 d7 1\n",
}


def _local(folder, name, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return LocalDownload(folder / name)


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """The package's registry, with a collection `mine` in a home of its own."""
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(ir_datasets.registry, "_registered", dict(ir_datasets.registry._registered))
    documents = TsvDocs(_local(tmp_path, "documents.tsv", DOCUMENTS))
    ir_datasets.registry.register("mine", Dataset(documents))
    for name, queries in QUERIES.items():
        parts = [
            TsvQueries(_local(tmp_path / name, "queries.tsv", queries)),
            TrecQrels(_local(tmp_path / name, "qrels.txt", QRELS[name]), {}),
        ]
        ir_datasets.registry.register(f"mine/{name}", Dataset(documents, *parts))
    other = TsvDocs(_local(tmp_path / "other", "documents.tsv", DOCUMENTS))
    ir_datasets.registry.register("other", Dataset(other, *parts))
    return ir_datasets.registry


@pytest.mark.usefixtures("registry")
def test_one_data_set(tmp_path):
    corpus, origin = ir_datasets_corpus.read(id="mine/train", faulty="drop")
    assert corpus.documents.to_dict("list") == {
        "doc_id": ["d1", "d2", "d3"],
        "title": ["", "", ""],
        "text": ["the first é", "the second", "the third"],
    }
    assert corpus.queries.to_dict("list") == {
        "query_id": ["q1", "q2"],
        "text": ["first one", "second"],
    }
    pairs = list(corpus.qrels.itertuples(index=False, name=None))
    assert pairs == [("q1", "d1"), ("q1", "d2"), ("q2", "d2")]
    assert origin.counts["dropped"]["relevant_pairs_without_query"] == 1
    assert origin.release == "mine/train"
    assert re.fullmatch(r"ir-datasets==\d+\.\d+\.\d+", origin.source)


IDS = {"train": "mine/train", "validation": "mine/dev", "test": "mine/eval"}


@pytest.mark.usefixtures("registry")
def test_a_data_set_for_each_split():
    corpus, origin = ir_datasets_corpus.read(ids=IDS, faulty="drop")
    splits = dict(zip(corpus.queries["query_id"], corpus.queries["split"], strict=True))
    assert splits == {"q1": "train", "q2": "train", "q3": "validation", "q5": "test"}
    assert {kind: n for kind, n in origin.counts["dropped"].items() if n} == {
        "queries_in_several_splits": 1,
        "relevant_pairs_without_query": 1,
        "relevant_pairs_without_document": 1,
        "queries_without_document": 2,
    }
    assert origin.counts["judgements_not_relevant"] == 1


@pytest.mark.usefixtures("registry")
def test_all_faults_are_told_at_once():
    with pytest.raises(CorpusError) as raised:
        ir_datasets_corpus.read(ids=IDS)
    told = str(raised.value).splitlines()
    assert told[0] == "5 faults, all of them by kind. Or leave them out with faulty: drop"
    assert "  mine/train, qrels of query 'q9': there is no query 'q9' in mine/train, " in told[4]
    assert told[-3] == "queries without document: 2"


@pytest.mark.usefixtures("registry")
def test_a_document_that_comes_again_and_one_without_text(tmp_path):
    (tmp_path / "documents.tsv").write_text("d1\tfirst\nd2\tsecond\nd2\tother\nd3\t \nd1\tfirst\n")
    corpus, origin = ir_datasets_corpus.read(ids=IDS, faulty="drop")
    assert corpus.documents["text"].tolist() == ["first", "second"]
    dropped = origin.counts["dropped"]
    kinds = ("documents_that_come_again", "documents_that_come_again_with_another_text")
    assert [dropped[kind] for kind in (*kinds, "documents_without_text")] == [1, 1, 1]
    assert dropped["relevant_pairs_of_dropped_entries"] == 2


@pytest.mark.usefixtures("registry")
def test_all_that_is_read_is_downloaded():
    counts = ir_datasets_corpus.download(ids=IDS)
    assert counts == {"documents": 3, "queries": 7, "qrels": 9}


@pytest.mark.usefixtures("registry")
def test_a_download_names_a_broken_file(tmp_path):
    (tmp_path / "train/qrels.txt").write_text("q1 0 d1 x\n")
    with pytest.raises(CorpusError, match="qrels of mine/train cannot be read by ir-datasets"):
        ir_datasets_corpus.download(id="mine/train")


@pytest.mark.usefixtures("registry")
def test_it_is_exported(tmp_path):
    export_corpus.main(
        "ir_datasets",
        documents=tmp_path / "out/documents.parquet",
        queries=tmp_path / "out/queries.parquet",
        qrels=tmp_path / "out/qrels.txt",
        manifest=tmp_path / "out/manifest.json",
        options={"ids": IDS, "faulty": "drop"},
    )
    assert read_json(tmp_path / "out/manifest.json")["counts"]["queries"] == 4
    queries = pd.read_parquet(tmp_path / "out/queries.parquet")
    assert queries["verbatim"].tolist() == [False, True, True, False]


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"id": "mine/trian"}, "ir-datasets knows no mine/trian; did you mean mine/train?"),
        ({"id": "zzzzzzzzzz"}, "ir-datasets knows no zzzzzzzzzz; its catalogue is at"),
        ({"id": "mine"}, "mine of ir-datasets has no queries; write the id of one that has docs"),
        ({"ids": IDS | {"test": "other"}}, "mine/train and other of ir-datasets have different"),
        ({}, "source ir_datasets needs an id, or ids with train, validation and test"),
    ],
)
def test_a_wrong_id_is_named(given, message):
    with pytest.raises(CorpusError, match=re.escape(message)):
        ir_datasets_corpus.read(**given)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "documents.tsv",
            "d1\ta\tb\n",
            "documents of mine/train cannot be read by ir-datasets: ex",
        ),
        ("train/qrels.txt", "q1 0 d1 x\n", "qrels of mine/train cannot be read by ir-datasets"),
        ("train/queries.tsv", "q1\n", "queries of mine/train cannot be read by ir-datasets: exp"),
        ("documents.tsv", " \ta\n", "mine/train of ir-datasets: the id ' ' is empty; write an id"),
    ],
)
def test_a_broken_file_is_named(tmp_path, file, text, message):
    (tmp_path / file).write_text(text)
    with pytest.raises(CorpusError, match=re.escape(message)):
        ir_datasets_corpus.read(id="mine/train")
