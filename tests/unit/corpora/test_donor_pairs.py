import pytest

from genir.base.errors import CorpusError
from genir.corpora.donor_pairs import DonorPair, read_donor_pairs


def written(folder, text, name="pairs.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_and_json_lines_hold_the_same_pairs(tmp_path):
    table = written(tmp_path, 'query_id,donor,donor_text\nq1,q2,\nq3,,"pain, long"\n007,q1,\n')
    lines = (
        '{"query_id": "q1", "donor": "q2"}\n\n{"query_id": "q3", "donor_text": "pain, long"}\n'
        '{"query_id": "007", "donor": "q1", "donor_text": null}\n'
    )
    objects = written(tmp_path, lines, "pairs.jsonl")
    found = [
        [(p.query_id, p.donor, p.donor_text) for p in read_donor_pairs(f)] for f in (table, objects)
    ]
    assert found[0] == found[1] == [("q1", "q2", ""), ("q3", "", "pain, long"), ("007", "q1", "")]
    assert read_donor_pairs(table)[0] == DonorPair(f"{table}, row 1", "q1", "q2")
    assert read_donor_pairs(objects)[1].place == f"{objects}, line 3"


MISTAKES = [
    ("query_id,donor\nq1,q2\nq2,q3\nq1,q3\n", "row 3: query 'q1' has a donor in .*row 1 already"),
    ("query_id,donor\nq1,q1\n", "row 1: query 'q1' is its own donor, .*; write another"),
    ("query_id,donor\nq1,\n", "row 1: neither donor nor donor_text; write one"),
    ("query_id,donor,donor_text\nq1,q2,a\n", "row 1: both donor and donor_text; write one"),
    ("query_id,donor\n,q2\n", "row 1: no query_id"),
    ("query_id,donr\nq1,q2\n", "'donr' is not one of query_id, donor, donor_text; rename it"),
    ("query_id,donor_text\nq1,a,b\n", "row 1: 3 cells, the first line names 2 columns"),
    ("query_id,donor,donor\nq1,a,b\n", "two columns have one name"),
    ("query_id,donor\n", "holds no pair"),
    ("", "is empty"),
    ('query_id,donor\n"q1,q2\n', "is no CSV"),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_a_mistake_is_named_with_its_row(tmp_path, text, said):
    with pytest.raises(CorpusError, match=said):
        read_donor_pairs(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"query_id": "q1", "donor": 3}', "line 1: donor is no text; write it in quotes"),
        ("[1]", "line 1: not an object"),
        ("{", "line 1: not JSON"),
    ],
)
def test_a_mistake_in_json_lines(tmp_path, text, said):
    with pytest.raises(CorpusError, match=said):
        read_donor_pairs(written(tmp_path, text, "pairs.jsonl"))


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"write a file that ends in \.csv or \.jsonl"):
        read_donor_pairs(written(tmp_path, "q1\tq2\n", "pairs.tsv"))
