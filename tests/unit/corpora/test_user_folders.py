import re

import pytest

from genir.base.errors import CorpusError
from genir.corpora.split_files import data_files_in, split_files
from genir.corpora.user_folders import data_in, parts_of

NO_DATA = (
    ".ipynb_checkpoints/train.parquet",
    ".git/train.jsonl",
    "deep/.hidden/train-00000-of-00001.parquet",
    "._train.parquet",
    ".DS_Store",
    "__MACOSX/train.parquet",
    ".train.jsonl.swp",
    ".#train.jsonl",
    "#train.jsonl#",
    "train.jsonl~",
    "train.jsonl.bak",
    "train.jsonl.orig",
    "~train.jsonl",
    "train.parquet.crc",
    "_SUCCESS",
    "README.md",
)


def _make(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("name", NO_DATA)
def test_what_is_hidden_or_left_by_editors_is_no_data(tmp_path, name):
    folder = _make(tmp_path, ["data/train.parquet", name])
    expected = [folder / "data/train.parquet"]
    assert split_files(folder) == {"train": expected}
    assert data_files_in(folder) == data_in(folder) == parts_of(folder) == expected


def test_a_hidden_folder_above_does_not_count(tmp_path):
    folder = _make(tmp_path / ".cache/corpus", ["train.jsonl"])
    assert parts_of(folder) == [folder / "train.jsonl"]


@pytest.mark.parametrize(
    "names",
    [
        ["train.parquet", "validation.parquet", "test.parquet"],
        ["train.jsonl.gz"],
        ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"],
        ["train-00000-of-00002-0a1b2c3d4e5f6789.parquet", "train-00001-of-00002-99887766.parquet"],
        ["train-0.jsonl", "train-1.jsonl", "train-10.jsonl"],
        ["train_001.jsonl", "train_002.jsonl"],
        ["rc/train.parquet", "rc/validation.jsonl"],
        ["train.parquet", "notes.jsonl", "test.txt"],
    ],
)
def test_layouts_that_are_read(tmp_path, names):
    files = split_files(_make(tmp_path, names))
    data = [n for n in names if re.search(r"(train|validation|test)[^/]*(parquet|jsonl|gz)$", n)]
    assert sorted(p for paths in files.values() for p in paths) == sorted(
        tmp_path / n for n in data
    )


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train.parquet", "train.jsonl"], "may be the same data twice"),
        (["train.jsonl", "train.jsonl.gz"], "may be the same data twice"),
        (["train.parquet", "train-00000-of-00001.parquet"], "may be the same data twice"),
        (["train-0.jsonl", "train-00000-of-00001.jsonl"], "may be the same data twice"),
        (["rc/train.parquet", "unfiltered/train.parquet"], "may be the same data twice"),
        (["train.parquet", "test.jsonl", "test.parquet"], "may be the same data twice"),
        (["train-1.jsonl", "train-01.jsonl"], "have the same number"),
        (["train.parquet", "train_old.parquet"], "train_old.parquet begins like the train files"),
        (["train.jsonl", "training_notes.jsonl"], "training_notes.jsonl begins like the train"),
        (["train.jsonl", "train (1).jsonl"], "train (1).jsonl begins like the train files"),
        (["train.jsonl", "train copy.jsonl"], "train copy.jsonl begins like the train files"),
        (["train.jsonl", "testing.jsonl"], "testing.jsonl begins like the test files"),
        (["train.jsonl", "train.old.jsonl"], "train.old.jsonl begins like the train files"),
        (["train-00000-of-00002-0a1b2c3d.jsonl"], "train-00001-of-00002-0a1b2c3d.jsonl is missing"),
    ],
)
def test_what_may_be_the_same_twice_is_never_read_in_silence(tmp_path, names, message):
    with pytest.raises(CorpusError, match=re.escape(message)):
        split_files(_make(tmp_path, names))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["README.md"], "holds no data; write a folder of files that end in one of .jsonl"),
        (["a.parquet", "b.jsonl"], "holds a.parquet and b.jsonl, which may be the same data twice"),
        (["a.jsonl", "a (1).jsonl"], "a (1).jsonl is called as a copy"),
        (["a.jsonl", "a copy.jsonl"], "a copy.jsonl is called as a copy"),
        (["a.jsonl", "a - Copy.jsonl"], "a - Copy.jsonl is called as a copy"),
        (["a.jsonl", "Copy of a.jsonl"], "Copy of a.jsonl is called as a copy"),
        (["a.tsv", "a_old.tsv"], "a_old.tsv is called as a copy"),
    ],
)
def test_a_folder_that_is_no_set_of_parts(tmp_path, names, message):
    with pytest.raises(CorpusError, match=re.escape(message)):
        parts_of(_make(tmp_path, names))


def test_parts_are_sorted_by_path(tmp_path):
    names = ["part-2.parquet", "part-0.parquet", "deep/part-1.parquet"]
    folder = _make(tmp_path, names)
    assert parts_of(folder) == sorted(folder / name for name in names)
