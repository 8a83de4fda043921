"""Natural Questions and TriviaQA, out of files in the layout of the hub."""

import json
import re
from pathlib import Path

import export_corpus
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import subset_corpus
from record_formats import (
    NATURAL_QUESTIONS,
    TRIVIA_QA,
    natural_questions,
    question,
    trivia,
    url,
    write,
)

from genir.base.errors import CorpusError
from genir.corpora.builder import TEXT_CHARACTERS
from genir.corpora.drawn_dataset import CorpusFolder
from genir.corpora.sources import natural_questions as natural_questions_corpus
from genir.corpora.sources import trivia_qa
from genir.corpora.subset import DatasetConfig
from genir.files.fingerprint import sha256
from genir.files.io import read_json

QUESTIONS = [
    question(1, "who is a", "A_(b)"),
    question(-2, "what is é", "É", "Éa\u0300 和 ."),
    question("3", "who was a", "A_(b)"),
]
MANY = [question(i, f"what is {i}", f"Page{i}") for i in range(300)]
TRIVIA = [
    trivia("tc_1", "Which one?", {"One page": "the first\ntext", "Zwei – Ü": "other"}),
    trivia("qb_2", "And this?", {"Zwei – Ü": "other"}),
]


def _nq(folder: Path, records, suffix="jsonl"):
    write(folder / f"train.{suffix}", records, NATURAL_QUESTIONS)
    return natural_questions_corpus.read(folder)


def _trivia(folder: Path, records, suffix="jsonl"):
    write(folder / f"train.{suffix}", records, TRIVIA_QA)
    return trivia_qa.read(folder)


def _without(record: dict, *path: str) -> dict:
    first, *rest = path
    if rest:
        return record | {first: _without(record[first], *rest)}
    return {key: value for key, value in record.items() if key != first}


def test_a_page_is_its_url_title_and_visible_tokens(tmp_path):
    corpus, origin = _nq(tmp_path, QUESTIONS)
    assert corpus.documents.to_dict("list") == {
        "doc_id": [url("A_(b)"), url("É")],
        "title": ["A (b)", "É"],
        "text": ["A_(b) is a page about A_(b) .", "Éa\u0300 和 ."],
    }
    assert corpus.queries.to_dict("list") == {
        "query_id": ["1", "-2", "3"],
        "text": ["who is a", "what is é", "who was a"],
    }
    pairs = list(corpus.qrels.itertuples(index=False, name=None))
    assert pairs == [("1", url("A_(b)")), ("-2", url("É")), ("3", url("A_(b)"))]
    assert origin.counts["train_records"] == 3
    assert origin.inputs["train.jsonl"]["sha256"] == sha256(tmp_path / "train.jsonl")


def test_several_pages_of_one_question_are_relevant(tmp_path):
    corpus, _ = _trivia(tmp_path, TRIVIA)
    assert corpus.documents.to_dict("list") == {
        "doc_id": ["One_page", "Zwei_–_Ü"],
        "title": ["One page", "Zwei – Ü"],
        "text": ["the first\ntext", "other"],
    }
    assert corpus.queries["split"].tolist() == ["train", "train"]
    pairs = list(corpus.qrels.itertuples(index=False, name=None))
    assert pairs == [("tc_1", "One_page"), ("tc_1", "Zwei_–_Ü"), ("qb_2", "Zwei_–_Ü")]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl.gz"])
@pytest.mark.parametrize(("read", "records"), [(_nq, QUESTIONS), (_trivia, TRIVIA)])
def test_every_kind_of_file_gives_the_same_corpus(tmp_path, suffix, read, records):
    (one, _), (other, _) = read(tmp_path / "a", records), read(tmp_path / "b", records, suffix)
    pd.testing.assert_frame_equal(one.documents, other.documents)
    pd.testing.assert_frame_equal(one.queries, other.queries)
    pd.testing.assert_frame_equal(one.qrels, other.qrels)


def test_all_splits_and_folders_are_read_and_counted(tmp_path):
    corpus, origin = natural_questions_corpus.read(natural_questions(tmp_path))
    assert len(corpus.documents) == 20
    assert len(corpus.queries) == 60
    assert origin.counts["train_records"] == 58
    assert origin.counts["validation_records"] == 2
    assert next(iter(origin.inputs)) == "default/train-00000-of-00002.parquet"
    assert origin.source == "natural_questions, local files"
    assert origin.release.startswith("3 files, SHA-256 of their SHA-256 ")


def test_a_copy_of_the_hub_names_its_revision(tmp_path):
    _, origin = natural_questions_corpus.read(natural_questions(tmp_path), "a/b", "c", "0" * 40)
    assert origin.source == "natural_questions, a/b"
    assert origin.release == f"a/b, c, revision {'0' * 40}"


def test_a_trivia_question_stays_in_its_first_split(tmp_path):
    again = [trivia("tc_1", "Which one?", {"Three": "third"})]
    write(tmp_path / "rc/test-00000-of-00001.parquet", again, TRIVIA_QA)
    write(tmp_path / "rc/validation-00000-of-00001.parquet", TRIVIA[1:], TRIVIA_QA)
    corpus, origin = _trivia(tmp_path, TRIVIA[:1], "parquet")
    assert dict(zip(corpus.queries["query_id"], corpus.queries["split"], strict=True)) == {
        "tc_1": "train",
        "qb_2": "validation",
    }
    assert ("tc_1", "Three") in set(corpus.qrels.itertuples(index=False, name=None))
    assert origin.counts["queries_that_come_again"] == 1


def test_what_cannot_be_used_is_left_out_and_counted(tmp_path):
    records = [
        *QUESTIONS,
        question(4, "another revision", "A_(b)", "rewritten ."),
        question(5, "nothing there", "Empty", ""),
        question(6, "  ", "A_(b)"),
        question(7, "a long one", "Long", "word " * 400),
    ]
    corpus, origin = _nq(tmp_path, records)
    assert corpus.documents["text"].str.len().max() == TEXT_CHARACTERS
    assert corpus.documents["text"].iloc[-1] == ("word " * 400)[:TEXT_CHARACTERS]
    assert corpus.documents["text"].iloc[0].startswith("A_(b) is a page")
    assert corpus.queries["query_id"].tolist() == ["1", "-2", "3", "4", "7"]
    assert origin.counts == {
        "train_records": 7,
        "documents_cut": 1,
        "documents_that_come_again_with_another_text": 1,
        "queries_that_come_again": 0,
        "dropped": {
            "documents_without_text": 1,
            "queries_without_text": 1,
            "relevant_pairs_without_document": 1,
            "queries_without_document": 1,
        },
    }


def test_a_page_that_is_empty_at_first_is_taken_later(tmp_path):
    records = [question(1, "who", "A", ""), question(2, "where", "A", "now .")]
    corpus, origin = _nq(tmp_path, records)
    assert corpus.documents["text"].tolist() == ["now ."]
    assert corpus.queries["query_id"].tolist() == ["1", "2"]
    assert sum(origin.counts["dropped"].values()) == 0


BROKEN_QUESTION = [
    (_without(QUESTIONS[0], "document"), 'no document; add "document": {...}'),
    (_without(QUESTIONS[0], "document", "url"), 'no document.url; add "url": "..."'),
    (_without(QUESTIONS[0], "document", "tokens"), "no document.tokens; add"),
    (_without(QUESTIONS[0], "question", "text"), "no question.text; add"),
    (_without(QUESTIONS[0], "id"), "no id; add"),
    (QUESTIONS[1], "id '-2' is in line 1 already; give every entry an id of its own"),
    (QUESTIONS[0] | {"id": "a "}, "id 'a ' begins or ends with white space"),
    (question(9, "x", "A") | {"document": "a page"}, "document is text; write {...}"),
    (question(9, "x", "A") | {"question": {"text": 1}}, "question.text is a number; write text"),
    (question(9, "x", "A", "half \ud800"), "document.tokens.token holds half a surrogate pair"),
]


@pytest.mark.parametrize(("record", "message"), BROKEN_QUESTION)
def test_a_broken_question_is_named_by_file_and_line(tmp_path, record, message):
    place = re.escape(f"{tmp_path / 'train.jsonl'}, line 2: {message}")
    with pytest.raises(CorpusError, match=place):
        _nq(tmp_path, [QUESTIONS[1], record])


def test_tokens_and_marks_that_do_not_belong_together(tmp_path):
    record = json.loads(json.dumps(QUESTIONS[0]))
    record["document"]["tokens"]["is_html"].pop()
    message = r"line 1: lists of different lengths \(document\.tokens\.token 9, document.* 8\)"
    with pytest.raises(CorpusError, match=message):
        _nq(tmp_path, [record])
    record["document"]["tokens"] = {"token": [1], "is_html": [False]}
    with pytest.raises(CorpusError, match=r"line 1: document\.tokens\.token holds what is no text"):
        _nq(tmp_path, [record])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (_without(TRIVIA[0], "entity_pages"), "no entity_pages; add"),
        (_without(TRIVIA[0], "entity_pages", "wiki_context"), "no entity_pages.wiki_context; add"),
        (trivia("x", "y", {" ": "z"}), "entity_pages.title is empty"),
        (trivia("tc_1", "Another?", {"A": "z"}), "question_id 'tc_1' came before, with the quest"),
    ],
)
def test_a_broken_trivia_question_is_named_by_file_and_line(tmp_path, record, message):
    place = re.escape(f"{tmp_path / 'train.jsonl'}, line 2: {message}")
    with pytest.raises(CorpusError, match=place):
        _trivia(tmp_path, [TRIVIA[0], record])


@pytest.mark.parametrize("column", ["id", "document.url", "document.tokens.is_html"])
def test_a_missing_column_is_named(tmp_path, column):
    schema, *within = column.split(".")
    records = [_without(QUESTIONS[0], schema, *within)]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "train.parquet")
    message = re.escape(f"train.parquet: no column {column}; add it or rename")
    with pytest.raises(CorpusError, match=message):
        natural_questions_corpus.read(tmp_path)


def test_a_null_in_parquet_is_named_by_row(tmp_path):
    records = [QUESTIONS[0], QUESTIONS[1] | {"document": None}]
    with pytest.raises(CorpusError, match=r"train\.parquet, row 2: no document; add"):
        _nq(tmp_path, records, "parquet")


@pytest.mark.parametrize("suffix", ["parquet", "jsonl.gz"])
def test_a_truncated_file(tmp_path, suffix):
    path = write(tmp_path / f"train.{suffix}", MANY, NATURAL_QUESTIONS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CorpusError, match=rf"train\.{suffix} .*; .*get (it|the file) again"):
        natural_questions_corpus.read(tmp_path)


def test_a_damaged_parquet_file(tmp_path):
    path = write(tmp_path / "train.parquet", MANY, NATURAL_QUESTIONS)
    content = bytearray(path.read_bytes())
    content[40 : len(content) // 2] = b"\xff" * (len(content) // 2 - 40)
    path.write_bytes(bytes(content))
    with pytest.raises(CorpusError, match=r"train\.parquet .*get (it|the file) again"):
        natural_questions_corpus.read(tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (None, "nowhere is not a folder; write the one that holds train.parquet"),
        ([], "holds no training file; name the files train.parquet and validation.parquet, or"),
        (["validation.parquet"], "holds no training file"),
        (["train.csv"], "holds no training file"),
        (["train-00000-of-00003.parquet"], "train-00001-of-00003.parquet is missing; get the"),
        (["train.jsonl", "test-00001-of-00002.jsonl"], "test-00000-of-00002.jsonl is missing"),
    ],
)
def test_a_folder_that_is_no_data_set(tmp_path, files, message):
    folder = tmp_path / ("nowhere" if files is None else "there")
    for name in files or []:
        (folder / "deep").mkdir(parents=True, exist_ok=True)
        (folder / "deep" / name).touch()
    if files == []:
        folder.mkdir()
    with pytest.raises(CorpusError, match=re.escape(message)):
        natural_questions_corpus.read(folder)


def _export(folder: Path, source: str, data: Path):
    export_corpus.main(
        source,
        documents=folder / "nq/documents.parquet",
        queries=folder / "nq/queries.parquet",
        qrels=folder / "nq/qrels.txt",
        manifest=folder / "nq/manifest.json",
        files={"folder": data},
    )
    return read_json(folder / "nq/manifest.json")


def _draw(folder: Path, dataset: DatasetConfig):
    subset_corpus.main(
        dataset,
        CorpusFolder(
            documents=folder / "nq/documents.parquet",
            queries=folder / "nq/queries.parquet",
            qrels=folder / "nq/qrels.txt",
            manifest=folder / "nq/manifest.json",
        ),
        documents=folder / "small/documents.parquet",
        queries=folder / "small/queries.parquet",
        train_qrels=folder / "small/qrels.train.txt",
        validation_qrels=folder / "small/qrels.validation.txt",
        test_qrels=folder / "small/qrels.test.txt",
        manifest=folder / "small/manifest.json",
    )
    return read_json(folder / "small/manifest.json")


def test_a_dataset_like_nq10k_has_the_sizes_that_are_asked_for(tmp_path):
    exported = _export(tmp_path, "natural_questions", natural_questions(tmp_path / "data"))
    assert exported["counts"]["documents"] == 20
    assert exported["counts"]["queries"] == exported["counts"]["relevant_pairs"] == 60
    assert exported["licence"] == "CC BY-SA 3.0"
    counts = _draw(tmp_path, DatasetConfig(12, 1, "drop", "document", 1, 4, 3))["counts"]
    assert counts == {
        "documents": 12,
        "train_queries": 15,
        "validation_queries": 12,
        "test_queries": 9,
        "relevant_pairs": 36,
        "held_out_queries_alike_in_training": 0,
        "in_corpus": {"documents": 20, "queries": 60, "relevant_pairs": 60},
    }
    with pytest.raises(CorpusError, match=r"21 documents are asked for, .* has 20 with 1 queries"):
        _draw(tmp_path, DatasetConfig(21, 1, "drop", "document", 1, 4, 3))


def test_questions_asked_twice_and_of_several_pages_are_counted(tmp_path):
    asked = [*TRIVIA, trivia("tc_3", "this, and?", {"One page": "the first\ntext"})]
    write(tmp_path / "data/train.jsonl", asked, TRIVIA_QA)
    counts = _export(tmp_path, "trivia_qa", tmp_path / "data")["counts"]
    assert counts["queries_that_repeat_another"] == 1
    assert counts["queries_of_several_documents"] == 1


def test_a_configuration_without_pages_is_an_error(tmp_path):
    write(tmp_path / "train.jsonl", [trivia("tc_1", "Which one?", {})], TRIVIA_QA)
    with pytest.raises(CorpusError, match=r"there is no query with a document; counted: .*1"):
        _export(tmp_path, "trivia_qa", tmp_path)
    assert not (tmp_path / "nq").exists()
