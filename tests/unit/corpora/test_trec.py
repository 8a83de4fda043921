import re

import ir_measures
import numpy as np
import pandas as pd
import pytest

from genir.base.errors import AnalysisError, CorpusError
from genir.corpora.trec import read_qrels, read_run, relevant_pairs, write_qrels, write_run

ROWS = np.array([["d2", "d1", "d3"], ["d3", "d2", "d1"]], dtype=object)


def test_a_run_keeps_the_order_it_was_given(tmp_path):
    write_run(tmp_path / "x.run", ["q1", "q2"], ROWS, "tag")
    run = pd.DataFrame(ir_measures.read_trec_run(str(tmp_path / "x.run")))
    for query, row in zip(["q1", "q2"], ROWS, strict=True):
        part = run[run["query_id"] == query]
        assert part["doc_id"].tolist() == list(row)
        assert (part["score"].diff().dropna() < 0).all()


def test_run_lines_have_six_fields(tmp_path):
    write_run(tmp_path / "x.run", ["q1", "q2"], ROWS, "tag")
    lines = (tmp_path / "x.run").read_text().splitlines()
    assert lines[0] == "q1 Q0 d2 1 3 tag"
    assert len(lines) == 6


def test_a_run_with_a_query_too_few_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="longer"):
        write_run(tmp_path / "x.run", ["q1"], ROWS, "tag")
    assert not list(tmp_path.iterdir())


def test_qrels_come_back_as_they_were_written(tmp_path):
    qrels = pd.DataFrame({"query_id": ["q1", "q1", "NA"], "doc_id": ["d1", "007", "null"]})
    write_qrels(tmp_path / "qrels.txt", qrels)
    pd.testing.assert_frame_equal(read_qrels(tmp_path / "qrels.txt"), qrels)


def test_only_relevant_lines_are_read(tmp_path):
    (tmp_path / "qrels.txt").write_text("q1 0 d1 0\n\nq1 0 d2 2\nq1\t0\td3\t-1\n")
    assert read_qrels(tmp_path / "qrels.txt")["doc_id"].tolist() == ["d2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"q1 0 d1 1\nq1 d1 1\n", r"line 2: 3 fields; write four: query_id 0 doc_id relevance"),
        (b"q1 0 d1 yes\n", r"line 1: relevance 'yes' is not a whole number; write 1"),
        (b"q1 0 d1 1\nq\xe9 0 d1 1\n", r"line 2: not UTF-8; save the file as UTF-8"),
        (b"\n", r"is empty; write one entry per line"),
    ],
)
def test_errors_name_file_and_line(tmp_path, content, message):
    path = tmp_path / "qrels.txt"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=re.escape(str(path)) + r".*" + re.escape(message)):
        read_qrels(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"qrels\.txt does not exist; correct the path"):
        read_qrels(tmp_path / "qrels.txt")


ODD = [
    "a b",
    "NA",
    "007",
    "%20",
    "\ufeffx",
    "tab\tx",
    "new\nline",
    "\u3000x\u3000y",
    "100%",
    '"',
    "#",
]


def test_odd_ids_come_back(tmp_path):
    qrels = pd.DataFrame({"query_id": ODD[4:] + ODD[:4], "doc_id": ODD})
    write_qrels(tmp_path / "qrels.txt", qrels)
    pd.testing.assert_frame_equal(read_qrels(tmp_path / "qrels.txt"), qrels, check_dtype=False)
    lines = (tmp_path / "qrels.txt").read_text().split("\n")[:-1]
    assert {len(line.split()) for line in lines} == {4}
    write_run(tmp_path / "x.run", ["\ufeff a", "%20"], np.array([ODD, ODD[::-1]], object), "tag")
    run = read_run(tmp_path / "x.run")
    assert run["doc_id"].tolist() == ODD + ODD[::-1]
    assert run["query_id"].unique().tolist() == ["\ufeff a", "%20"]
    assert run["score"].tolist() == [*range(len(ODD), 0, -1)] * 2


def test_qrels_of_users_are_not_decoded(tmp_path):
    (tmp_path / "qrels.txt").write_text("\ufeffa%20b 0 %41 1\n", encoding="utf-8")
    assert list(relevant_pairs(tmp_path / "qrels.txt")) == [(1, "a%20b", "%41")]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("q Q0 d 1 2 t\nq Q0 e 2 1\n", "line 2: 5 fields, not six"),
        ("q Q0 d 1 nan t\n", "line 1: score 'nan' is no finite number below the last"),
        ("q Q0 d 1 inf t\n", "line 1: score 'inf'"),
        ("q Q0 d 1 best t\n", "line 1: score 'best'"),
        ("q Q0 d 1 2 t\nq Q0 e 2 2 t\n", "line 2: score '2'"),
        ("q Q0 d 1 2 t\nq Q0 d 2 1 t\n", "line 2: document 'd' comes again for query 'q'"),
        ("q Q0 d 1 3 t\nq Q0 e 3 1 t\n", "line 2: place '3', not 2"),
    ],
)
def test_a_line_that_is_no_run_line(tmp_path, lines, message):
    (tmp_path / "x.run").write_text(lines)
    with pytest.raises(AnalysisError, match=re.escape(f"{tmp_path / 'x.run'}, {message}")):
        read_run(tmp_path / "x.run")


def test_runs_are_read_as_utf8_and_nothing_else(tmp_path):
    (tmp_path / "x.run").write_bytes(b"q\xe9 Q0 d 1 1 t\n")
    with pytest.raises(CorpusError, match="line 1: not UTF-8"):
        read_run(tmp_path / "x.run")
    (tmp_path / "x.run").write_text("q Q0 %E9 1 1 t\n")
    with pytest.raises(CorpusError, match="line 1: holds a percent sign"):
        read_run(tmp_path / "x.run")
