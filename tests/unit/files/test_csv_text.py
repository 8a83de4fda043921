import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genir.base.errors import DamagedFileError
from genir.files.csv_text import read
from genir.files.io import read_csv, write_csv

CELLS = [
    "NA",
    "null",
    "None",
    "nan",
    "",
    "007",
    "1e5",
    "True",
    " a ",
    "'",
    '"',
    "#",
    ",",
    "\ufeffx",
]
CELLS += ["a\nb", "a\rb", "a\r\nb", "-", "1_0", "inf", "\U0001f9ec", "\\N", "a\tb", "\u2028"]


def _back(tmp_path, frame):
    write_csv(tmp_path / "a.csv", frame)
    return read(tmp_path / "a.csv")


def test_text_comes_back(tmp_path):
    frame = pd.DataFrame({"\ufeffid": CELLS, "doc_id": CELLS[::-1], "n": range(len(CELLS))})
    pd.testing.assert_frame_equal(_back(tmp_path, frame), frame, check_dtype=False)
    numbers = pd.DataFrame({"query_id": ["1", "02"], "model": ["NA", ""]})
    assert _back(tmp_path, numbers).to_dict("list") == numbers.to_dict("list")


@given(st.lists(st.tuples(st.text(), st.text()), min_size=1))
def test_any_text_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    encodable = [row for row in rows if not any("\ud800" <= c <= "\udfff" for c in "".join(row))]
    frame = pd.DataFrame(encodable, columns=["query_id", "title"], dtype="str")
    write_csv(path, frame)
    assert read(path).to_numpy().tolist() == frame.to_numpy().tolist()


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_floats_come_back_to_the_last_digit(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write_csv(path, pd.DataFrame({"value": values}))
    assert read(path)["value"].to_numpy(float).tobytes() == np.array(values).tobytes()


def test_numbers_are_of_their_kind(tmp_path):
    numbers = {"value": [0.1, np.nan], "n": [1, 2], "layer": [1, np.nan], "paper": [np.nan] * 2}
    frame = pd.DataFrame(numbers | {"unchanged": [True, False], "with_layer": ["sum", "3"]})
    back = _back(tmp_path, frame)
    pd.testing.assert_frame_equal(back, frame)
    assert back["n"].dtype == "int64"
    assert _back(tmp_path, frame.iloc[:0]).columns.tolist() == frame.columns.tolist()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("n\n1\nx\n", "row 2: n 'x' is not a number"),
        ("n\nnan\n", "row 1: n 'nan' is not a number"),
        ("n,model\n1,a\n2\n", "row 2 has 1 cells, there are 2 columns"),
        ("n,n\n1,2\n", "does not give every column a name of its own"),
        ("", "does not give every column a name of its own"),
    ],
)
def test_a_broken_table_is_named_by_row(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/a.csv").write_text(content)
    with pytest.raises(DamagedFileError, match=message):
        read_csv("results/a.csv")
