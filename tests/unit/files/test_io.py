import json
from pathlib import Path

import pandas as pd
import pytest

from genir.files.io import (
    atomic_folder,
    atomic_path,
    read_json,
    sha256,
    write_csv,
    write_json,
    write_jsonl,
    write_parquet,
)


class StoppedError(Exception):
    pass


def _write_half(path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise StoppedError


def _fill_half(path: Path) -> None:
    with atomic_folder(path) as temporary:
        (temporary / "half").touch()
        raise StoppedError


def test_a_file_takes_its_name_at_the_end(tmp_path):
    path = tmp_path / "new/folder/a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.suffix == path.suffix
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("old", [None, "old"])
def test_an_interrupted_file_leaves_what_was_there(tmp_path, old):
    path = tmp_path / "a.txt"
    if old:
        path.write_text(old)
    with pytest.raises(StoppedError):
        _write_half(path)
    assert [p.read_text() for p in tmp_path.iterdir()] == ([old] if old else [])


def test_a_folder_replaces_the_one_that_was_there(tmp_path):
    path = tmp_path / "new/model"
    for name in ("first", "second"):
        with atomic_folder(path) as temporary:
            (temporary / name).touch()
    assert [p.name for p in path.iterdir()] == ["second"]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("old", [False, True])
def test_an_interrupted_folder_leaves_what_was_there(tmp_path, old):
    path = tmp_path / "model"
    if old:
        path.mkdir()
        (path / "a").touch()
    with pytest.raises(StoppedError):
        _fill_half(path)
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] == (
        ["model", "model/a"] if old else []
    )


def test_what_a_killed_writer_left_is_cleared_by_the_next(tmp_path):
    others = [tmp_path / name for name in (".b.1.txt", ".a.b.1.txt", ".a.1.csv", "a.1.txt", ".a")]
    for path in (*others, tmp_path / ".a.1.txt"):
        path.touch()
    (tmp_path / ".model.22/inside").mkdir(parents=True)
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.touch()
    with atomic_folder(tmp_path / "model"):
        pass
    assert sorted(tmp_path.iterdir()) == sorted([*others, tmp_path / "a.txt", tmp_path / "model"])


def test_json_round_trip(tmp_path):
    value = {"é": [1, 2.5, None]}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert "é" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))
    assert not list(tmp_path.iterdir())


def test_json_lines_round_trip(tmp_path):
    records = [{"a": 1}, {"a": "two\nlines"}]
    write_jsonl(tmp_path / "a.jsonl", records)
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == records


def test_tables_round_trip(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=[5, 6])
    write_csv(tmp_path / "a.csv", frame)
    write_parquet(tmp_path / "a.parquet", frame)
    for read in (pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "a.parquet")):
        pd.testing.assert_frame_equal(read, frame.reset_index(drop=True), check_dtype=False)


def test_sha256_of_a_known_text(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_a_json_key_that_comes_twice_is_named(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1, "b": {"7": 1, "7": 2}}')
    with pytest.raises(ValueError, match="the key '7' is there twice"):
        read_json(tmp_path / "a.json")
