"""Files of records as people have them: odd, damaged, or of another tool."""

import gzip
import io
import json
import random
import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genir.base.errors import CorpusError
from genir.corpora.records import read_rows
from genir.corpora.sources.files import read_corpus, read_generated_queries
from genir.corpora.user_json import JsonError, parse_json

TABLE = {"doc_id": ["007", "NA", "1e5"], "text": ["one", "two", "three"]}


def _rows(path, required=("doc_id", "text"), optional=("title",)):
    return [row.values for row in read_rows(path, required, optional)]


def _parquet(folder, columns: dict, **options):
    path = folder / "documents.parquet"
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column) for column in columns.values()
    ]
    pq.write_table(pa.Table.from_arrays(arrays, list(columns)), path, **options)
    return path


def _bytes(values) -> pa.Array:
    """A column of text that holds any bytes."""
    return pa.array(values, pa.binary()).view(pa.string())


TEXT_TYPES = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.dictionary(pa.int8(), pa.string()),
    pa.dictionary(pa.int32(), pa.large_string()),
]


@pytest.mark.parametrize("kind", TEXT_TYPES, ids=str)
def test_any_column_of_text_is_text(tmp_path, kind):
    arrays = {name: pa.array(values).cast(kind) for name, values in TABLE.items()}
    path = _parquet(tmp_path, arrays)
    assert _rows(path) == pd.DataFrame(TABLE).to_dict("records")


ODD = {
    "bytes that are no UTF-8": _bytes([b"\xff", b"\xfe", b"x"]),
    "times out of range": pa.array([2**62, 1, None], pa.timestamp("us")),
    "decimals": pa.array([1, 2, 3], pa.int64()).cast(pa.decimal256(60, 3)),
    "nothing": pa.nulls(3),
    "maps": pa.array([[("a", 1)], [("a", 1), ("a", 2)], None], pa.map_(pa.string(), pa.int8())),
    "structs": pa.array([{"a": {"b": [1]}}, None, {"a": None}]),
    "numbers": pa.array([2**63, 1, 2], pa.uint64()),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_columns_that_are_not_used_do_not_matter(tmp_path, odd):
    arrays = [odd, pa.array(TABLE["doc_id"]), odd, pa.array(TABLE["text"])]
    table = pa.Table.from_arrays(arrays, ["metadata", "doc_id", "metadata", "text"])
    pq.write_table(table, tmp_path / "documents.parquet")
    assert _rows(tmp_path / "documents.parquet") == pd.DataFrame(TABLE).to_dict("records")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"doc_id": _bytes([b"a", b"\xff", b"c"])}, ", row 2: doc_id is not UTF-8; write text in"),
        ({"text": _bytes([b"a", b"b", b"\xc3"])}, ", row 3: text is not UTF-8"),
        ({"title": _bytes([b"\xe9t\xe9", b"", b""])}, ", row 1: title is not UTF-8"),
        ({"doc_id": pa.array([1, 2, 3])}, ", row 1: doc_id is a number; write text in quotes"),
        ({"doc_id": pa.array([1.0, None, 3.0])}, ", row 1: doc_id is a number; write text in"),
        ({"doc_id": pa.array([True] * 3)}, ", row 1: doc_id is true or false; write text"),
        ({"doc_id": pa.array([b"a", b"b", b"c"])}, ", row 1: doc_id is binary; write text"),
        ({"title": pa.array([2**62] * 3, pa.timestamp("us"))}, ", row 1: title cannot be read ("),
        ({"title": pa.array([1, 2, 3])}, ", row 1: title is a number; write text"),
        ({"text": pa.array([["a"]] * 3)}, ", row 1: text is a list; write text"),
    ],
)
def test_a_value_that_is_no_text_is_named_by_row(tmp_path, columns, message):
    path = _parquet(tmp_path, TABLE | columns)
    (tmp_path / "queries.jsonl").write_text('{"query_id": "q", "text": "x", "doc_id": "007"}\n')
    with pytest.raises(CorpusError, match=re.escape(f"{path}{message}")):
        read_corpus(path, tmp_path / "queries.jsonl")


@pytest.mark.parametrize("name", ["doc_id", "text", "title"])
def test_two_columns_of_one_name(tmp_path, name):
    arrays = [pa.array(["a"])] * 4
    table = pa.Table.from_arrays(arrays, ["doc_id", "text", "title", name])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=rf"a\.parquet: two columns are called {name}; rename"):
        _rows(tmp_path / "a.parquet")


def _content(rows: int = 500) -> bytes:
    words = random.Random(1)
    table = {"doc_id": [f"d{i}" for i in range(rows)]}
    table |= {"text": [" ".join(words.choices("abcdefghij", k=40)) for _ in range(rows)]}
    out = io.BytesIO()
    pd.DataFrame(table).to_parquet(out, row_group_size=100)
    return out.getvalue()


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.7, 0.99])
def test_a_parquet_file_that_was_cut(tmp_path, share):
    content = _content()
    (tmp_path / "a.parquet").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CorpusError, match=r"a\.parquet is not a Parquet file, or only the beginn"):
        _rows(tmp_path / "a.parquet")


def _error_of(path) -> str:
    try:
        _rows(path)
    except CorpusError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("seed", range(25))
def test_random_bytes_in_a_parquet_file_are_never_another_kind_of_error(tmp_path, seed):
    draw = random.Random(seed)
    content = bytearray(_content())
    start = draw.randrange(4, len(content) - 60)
    content[start : start + 50] = draw.randbytes(50)
    (tmp_path / "a.parquet").write_bytes(content)
    said = _error_of(tmp_path / "a.parquet")
    assert said.startswith(str(tmp_path / "a.parquet")) or said == ""
    assert "\n" not in said


def test_a_parquet_file_with_check_sums_tells_every_changed_byte(tmp_path):
    path = _parquet(tmp_path, TABLE, write_page_checksum=True, compression="none")
    path.write_bytes(path.read_bytes().replace(b"three", b"thr33"))
    with pytest.raises(CorpusError, match="CRC checksum verification failed"):
        _rows(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[" * 100_000, "not JSON (lists or objects are nested too deep)"),
        ('{"a":' * 100_000, "not JSON (lists or objects are nested too deep)"),
        ('{"doc_id": "a", "text": "b", "doc_id": "c"}', "holds the key 'doc_id' twice"),
        ('{"doc_id": ' + "9" * 5000 + ', "text": "b"}', "doc_id is a number; write text in quotes"),
        ('{"doc_id": "d", "text": ' + "9" * 5000 + "}", "text is a number; write text in quotes"),
        ('{"doc_id": NaN, "text": "b"}', "doc_id is NaN, which stands for no value; write text"),
        ('{"doc_id": "d", "text": Infinity}', "text is a number; write text"),
        ('{"doc_id": "d", "text": "b"} {}', "not JSON (Extra data, column 30)"),
        ("{'doc_id': 'd'}", "not JSON (Expecting property name"),
        ("doc_id,text", "not JSON (Expecting value, column 1)"),
    ],
)
def test_json_is_read_without_guessing(tmp_path, line, message):
    path = tmp_path / "documents.jsonl"
    path.write_text(json.dumps({"doc_id": "d1", "text": "x"}) + f"\n{line}\n")
    (tmp_path / "queries.jsonl").write_text('{"query_id": "q", "text": "x", "doc_id": "d1"}\n')
    with pytest.raises(CorpusError) as raised:
        read_corpus(path, tmp_path / "queries.jsonl")
    assert f"{path}, line 2: " in str(raised.value)
    assert message in str(raised.value)


def test_json_that_is_not_used_does_no_harm(tmp_path):
    long = "x" * 5_000_000
    odd = (
        f'"metadata": {{"n": {"9" * 9000}, "m": [NaN, -Infinity], "deep": {"[" * 200}{"]" * 200}}}'
    )
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"doc_id": "d", {odd}, "text": "{long}"}}\n')
    (row,) = _rows(path)
    assert (row["doc_id"], row["text"]) == ("d", long)


@pytest.mark.parametrize("text", ['{"a": 1, "b": {"c": 1, "c": 2}}', '[{"a": 1, "a": 1}]'])
def test_a_key_twice_is_refused_at_any_depth(text):
    with pytest.raises(JsonError, match="twice"):
        parse_json(text)


IDS = ["007", "NA", "null", "1e5", "True", '"a"', "#1", "é", "-1"]


@pytest.mark.parametrize("suffix", ["tsv", "tsv.gz", "jsonl", "jsonl.gz", "parquet"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_ids_are_text_as_it_stands_in_every_kind_of_file(tmp_path, suffix, end):
    texts = ['say "yes", no\'s', " two  spaces ", "", "#", '"', "\\t", "NA", "x", "y"]
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        pd.DataFrame({"doc_id": IDS, "text": texts}).to_parquet(path)
    else:
        objects = [{"doc_id": i, "text": t} for i, t in zip(IDS, texts, strict=True)]
        lines = [
            f"{o['doc_id']}\t{o['text']}" if "tsv" in suffix else json.dumps(o) for o in objects
        ]
        content = "".join(line + end for line in lines).encode()
        path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    rows = _rows(path)
    assert [row["doc_id"] for row in rows] == IDS
    assert [row["text"] for row in rows] == texts


@pytest.mark.parametrize(
    "header", ["doc_id\turl\ttext\ttitle", "text\turl\t_id\ttitle", "_id\ttext\ttitle\turl"]
)
def test_the_first_line_may_name_the_columns(tmp_path, header):
    values = {"doc_id": "7", "_id": "7", "url": "u", "text": "x", "title": "T"}
    line = "\t".join(values[name] for name in header.split("\t"))
    (tmp_path / "a.tsv").write_text(f"{header}\n{line}\n")
    (row,) = _rows(tmp_path / "a.tsv")
    assert (row["doc_id"], row["text"], row["title"]) == ("7", "x", "T")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1\ta\n2\tb\tc\n", ", line 2: 3 fields; write 2 with tabs between them (doc_id, text)"),
        (b"1\ta\n2 b\n", ", line 2: 1 fields; write 2"),
        (b"doc_id\ttext\ttitle\n1\ta\n", ", line 2: 2 fields; write 3 with tabs between them (doc"),
        (b"doc_id\ttext\ttext\n1\ta\tb\n", ", line 1: two columns are called text; rename one"),
        (b"1\ta\n2\t\xff\n", ", line 2: not UTF-8; save the file as UTF-8"),
        ("1\ta\n".encode("utf-16-le"), ", line 1: holds NUL characters; save the file as UTF-8"),
        (b"", " is empty; write one entry per line"),
    ],
)
def test_a_broken_line_of_a_table_is_named(tmp_path, content, message):
    (tmp_path / "a.tsv").write_bytes(content)
    with pytest.raises(CorpusError, match=re.escape(f"{tmp_path / 'a.tsv'}{message}")):
        _rows(tmp_path / "a.tsv")


@pytest.mark.parametrize("suffix", ["jsonl.gz", "tsv.gz"])
def test_a_compressed_file_that_was_cut(tmp_path, suffix):
    line = '{"doc_id": "d", "text": "x"}\n' if suffix == "jsonl.gz" else "d\tx\n"
    content = gzip.compress(line.encode() * 5000)
    (tmp_path / f"a.{suffix}").write_bytes(content[: len(content) // 2])
    with pytest.raises(
        CorpusError, match=rf"a\.{suffix} cannot be unpacked after line .*; get the"
    ):
        _rows(tmp_path / f"a.{suffix}")


def test_generated_queries_of_every_kind(tmp_path):
    (tmp_path / "a.tsv").write_text("01\tfirst\n01\tsecond\nNA\tthird\n")
    pd.DataFrame({"_id": ["01", "01", "NA"], "text": ["first", "second", "third"]}).to_parquet(
        tmp_path / "a.parquet"
    )
    one, other = (read_generated_queries(tmp_path / f"a.{kind}") for kind in ("tsv", "parquet"))
    assert one["doc_id"].tolist() == ["01", "01", "NA"]
    pd.testing.assert_frame_equal(one, other)
    pd.DataFrame({"doc_id": [1], "text": ["x"]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(CorpusError, match=r"b\.parquet, row 1: doc_id is a number; write text"):
        read_generated_queries(tmp_path / "b.parquet")
