import json
import re
from pathlib import Path

import pandas as pd
import pytest

from genir.base.errors import CorpusError
from genir.corpora.sources.files import read_corpus

DOCUMENTS = [
    {"doc_id": "d1", "title": "One", "text": "the first"},
    {"doc_id": "d2", "text": "the second"},
]
QUERIES = [
    {"query_id": "q1", "text": "first?", "doc_id": "d1"},
    {"query_id": "q2", "text": "zweites – é?", "doc_id": "d2"},
]


def _lines(path: Path, records: list) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def _corpus(folder: Path, documents=DOCUMENTS, queries=QUERIES, qrels: str | None = None):
    if qrels is not None:
        (folder / "qrels.txt").write_text(qrels)
    return read_corpus(
        _lines(folder / "documents.jsonl", documents),
        _lines(folder / "queries.jsonl", queries),
        None if qrels is None else folder / "qrels.txt",
    )


def _without(record: dict, key: str) -> dict:
    return {name: value for name, value in record.items() if name != key}


def test_content_is_unaltered(tmp_path):
    corpus = _corpus(tmp_path)
    assert corpus.documents.to_dict("list") == {
        "doc_id": ["d1", "d2"],
        "title": ["One", ""],
        "text": ["the first", "the second"],
    }
    assert corpus.queries.to_dict("list") == {
        "query_id": ["q1", "q2"],
        "text": ["first?", "zweites – é?"],
    }
    assert corpus.qrels.to_dict("list") == {"query_id": ["q1", "q2"], "doc_id": ["d1", "d2"]}


def test_parquet_and_json_lines_give_the_same_corpus(tmp_path):
    lines = _corpus(tmp_path)
    pd.DataFrame(DOCUMENTS).to_parquet(tmp_path / "documents.parquet")
    pd.DataFrame(QUERIES).to_parquet(tmp_path / "queries.parquet")
    table = read_corpus(tmp_path / "documents.parquet", tmp_path / "queries.parquet")
    pd.testing.assert_frame_equal(lines.documents, table.documents)
    pd.testing.assert_frame_equal(lines.queries, table.queries)
    pd.testing.assert_frame_equal(lines.qrels, table.qrels)


def test_qrels_may_name_several_documents(tmp_path):
    queries = [_without(query, "doc_id") for query in QUERIES]
    corpus = _corpus(tmp_path, queries=queries, qrels="q1 0 d1 1\nq1 0 d2 2\nq2 0 d2 1\nq2 0 x 0\n")
    assert list(corpus.qrels.itertuples(index=False, name=None)) == [
        ("q1", "d1"),
        ("q1", "d2"),
        ("q2", "d2"),
    ]


def test_the_split_is_kept_where_it_is_given(tmp_path):
    queries = [QUERIES[0] | {"split": "train"}, QUERIES[1] | {"split": "test"}]
    assert _corpus(tmp_path, queries=queries).queries["split"].tolist() == ["train", "test"]


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path):
    path = _lines(tmp_path / "documents.jsonl", DOCUMENTS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\n\n"))
    queries = _lines(tmp_path / "queries.jsonl", QUERIES)
    assert read_corpus(path, queries).documents["doc_id"].tolist() == ["d1", "d2"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": "x"}, 'no doc_id; add "doc_id": "..."'),
        ({"doc_id": "d3"}, 'no text; add "text": "..."'),
        ({"doc_id": "d3", "text": None}, 'no text; add "text": "..."'),
        ({"doc_id": 3, "text": "x"}, "doc_id is a number; write text in quotes"),
        ({"doc_id": "d3", "text": ["x"]}, "text is a list; write text in quotes"),
        ({"doc_id": "d3", "text": {}}, "text is of type dict; write text in quotes"),
        ({"doc_id": True, "text": "x"}, "doc_id is true or false; write text in quotes"),
        ({"doc_id": "d3", "text": "x", "title": 1}, "title is a number; write text in quotes"),
        ({"doc_id": "d3", "text": " "}, "text is empty; write a text or remove the entry"),
        ({"doc_id": "", "text": "x"}, "doc_id is empty; write a text or remove the entry"),
        (
            {"doc_id": " d3", "text": "x"},
            "doc_id ' d3' begins or ends with white space; write 'd3'",
        ),
        ({"doc_id": "d3\u2028", "text": "x"}, "begins or ends with white space; write 'd3'"),
        ({"doc_id": "d\0", "text": "x"}, "holds the character U+0000, which ends a text elsewhere"),
        ({"doc_id": "d1", "text": "x"}, "doc_id 'd1' is in line 1 already; give every entry an id"),
        ({"doc_id": "d3", "text": "\ud800"}, "text holds half a surrogate pair"),
        (["d3"], 'not an object; write {"key": "value", ...}'),
    ],
)
def test_document_errors_name_file_and_line(tmp_path, record, message):
    place = re.escape(f"{tmp_path / 'documents.jsonl'}, line 3: ")
    with pytest.raises(CorpusError, match=place + ".*" + re.escape(message)):
        _corpus(tmp_path, documents=[*DOCUMENTS, record])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": "x", "doc_id": "d1"}, 'no query_id; add "query_id": "..."'),
        ({"query_id": "q3", "doc_id": "d1"}, 'no text; add "text": "..."'),
        ({"query_id": "q3", "text": "x"}, 'no doc_id; add "doc_id": "..." or name a qrels file'),
        ({"query_id": "q3", "text": "x", "doc_id": 1}, "doc_id is a number; write text in quotes"),
        ({"query_id": "q3", "text": "x", "doc_id": "d9"}, "there is no document 'd9' in "),
        ({"query_id": "q1", "text": "x", "doc_id": "d1"}, "query_id 'q1' is in line 1 already"),
        ({"query_id": "q3\t", "text": "x", "doc_id": "d1"}, "white space; write 'q3'"),
        (
            {"query_id": "q3", "text": "x", "doc_id": "d1", "split": "dev"},
            "split is 'dev'; write train, validation or test",
        ),
    ],
)
def test_query_errors_name_file_and_line(tmp_path, record, message):
    place = re.escape(f"{tmp_path / 'queries.jsonl'}, line 3: ")
    queries = [query | ({"split": "train"} if "split" in record else {}) for query in QUERIES]
    with pytest.raises(CorpusError, match=place + ".*" + re.escape(message)):
        _corpus(tmp_path, queries=[*queries, record])


def test_a_split_given_for_some_queries_only(tmp_path):
    with pytest.raises(CorpusError, match=r"queries\.jsonl, line 2: no split; add"):
        _corpus(tmp_path, queries=[QUERIES[0] | {"split": "train"}, QUERIES[1]])


@pytest.mark.parametrize(
    ("qrels", "message"),
    [
        ("q1 0 d1 1\nq9 0 d1 1\n", "qrels.txt, line 2: there is no query 'q9' in "),
        ("q1 0 d1 1\nq2 0 d9 1\n", "qrels.txt, line 2: there is no document 'd9' in "),
        ("q1 0 d1 1\nq2 0 d2 1\nq1 1 d1 2\n", "qrels.txt, line 3: the pair of line 1 again"),
        ("q1 0 d1 1\nq2 0 d2\n", "qrels.txt, line 2: 3 fields; write four"),
        ("q1 0 d1 1\nq2 0 d2 x\n", "qrels.txt, line 2: relevance 'x' is not a whole number"),
        ("", "qrels.txt is empty"),
    ],
)
def test_qrels_errors_name_file_and_line(tmp_path, qrels, message):
    with pytest.raises(CorpusError, match=re.escape(message)):
        _corpus(tmp_path, qrels=qrels)


def test_a_query_without_a_relevant_document(tmp_path):
    message = r"queries\.jsonl, line 2: .*qrels\.txt names no relevant document for query 'q2'; add"
    with pytest.raises(CorpusError, match=message):
        _corpus(tmp_path, qrels="q1 0 d1 1\nq2 0 d2 0\n")


def test_a_doc_id_that_the_qrels_contradict(tmp_path):
    message = r"queries\.jsonl, line 2: doc_id 'd2' is not relevant to query 'q2' in .*; remove"
    with pytest.raises(CorpusError, match=message):
        _corpus(tmp_path, qrels="q1 0 d1 1\nq2 0 d1 1\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"doc_id": "d1", "text": "x"}\n{"doc_id": "d2",\n', ", line 2: not JSON (Expecting"),
        (b'{"doc_id": "d1", "text": "x"}\n\n{"text": "\xe9"}\n', ", line 3: not UTF-8; save"),
        (b"", " is empty; write one entry per line"),
        (b"\n\n", " is empty; write one entry per line"),
    ],
)
def test_unreadable_lines(tmp_path, content, message):
    path = tmp_path / "documents.jsonl"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=re.escape(f"{path}{message}")):
        read_corpus(path, _lines(tmp_path / "queries.jsonl", QUERIES))


@pytest.mark.parametrize("name", ["documents.jsonl", "documents.parquet"])
def test_a_missing_file(tmp_path, name):
    with pytest.raises(CorpusError, match=re.escape(f"{name} does not exist; correct the path")):
        read_corpus(tmp_path / name, tmp_path / "queries.jsonl")


def test_an_unknown_kind_of_file(tmp_path):
    with pytest.raises(CorpusError, match=r"documents\.csv is of no known kind; write a file that"):
        read_corpus(tmp_path / "documents.csv", tmp_path / "queries.jsonl")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"doc_id": ["d1"]}, ": no column text; add it or rename the one that holds it"),
        ({"doc_id": [], "text": []}, " is empty; write one entry per row"),
        ({"doc_id": ["d1", "d1"], "text": ["x", "y"]}, ", row 2: doc_id 'd1' is in row 1 already"),
        ({"doc_id": [1, 2], "text": ["x", "y"]}, ", row 1: doc_id is a number; write text"),
        ({"doc_id": ["d1", "d2"], "text": ["x", None]}, ', row 2: no text; add "text": "..."'),
    ],
)
def test_parquet_errors_name_file_and_row(tmp_path, table, message):
    path = tmp_path / "documents.parquet"
    pd.DataFrame(table).to_parquet(path)
    with pytest.raises(CorpusError, match=re.escape(f"{path}{message}")):
        read_corpus(path, tmp_path / "queries.jsonl")


def test_a_file_that_is_no_parquet(tmp_path):
    (tmp_path / "documents.parquet").write_text("PAR0")
    with pytest.raises(CorpusError, match=r"documents\.parquet is not a Parquet file, or only the"):
        read_corpus(tmp_path / "documents.parquet", tmp_path / "queries.jsonl")


def test_only_the_first_line_may_begin_with_a_byte_order_mark(tmp_path):
    record = '{"doc_id": "%s", "text": "x"}\n'
    (tmp_path / "d.jsonl").write_text("\ufeff" + record % "\ufeffd1", encoding="utf-8")
    queries = tmp_path / "q.jsonl"
    queries.write_text('{"query_id": "\ufeffq", "text": "x"}\n', encoding="utf-8")
    qrels = tmp_path / "qrels.txt"
    qrels.write_text("\ufeff\ufeffq 0 \ufeffd1 1\n\ufeffq 0 d1 0\n", encoding="utf-8")
    corpus = read_corpus(tmp_path / "d.jsonl", queries, qrels)
    assert corpus.documents["doc_id"].tolist() == ["\ufeffd1"]
    assert corpus.qrels.to_numpy().tolist() == [["\ufeffq", "\ufeffd1"]]
    (tmp_path / "d.jsonl").write_text(record % "d1" + "\ufeff" + record % "d2", encoding="utf-8")
    with pytest.raises(CorpusError, match="line 2: not JSON"):
        read_corpus(tmp_path / "d.jsonl", queries, qrels)
