"""The files of a data set in the layout of the Hugging Face hub, by split."""

import re
from collections.abc import Iterator
from pathlib import Path

from genir.errors import CorpusError

SPLITS = ("train", "validation", "test")
SUFFIXES = (".parquet", ".jsonl", ".jsonl.gz")
_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})(\D.*)")


def split_files(folder: Path) -> dict[str, list[Path]]:
    """Files of each split: those whose name begins with it, in `folder` and all folders below.

    Only splits that have a file are named, in the order train, validation, test; files are sorted
    by path. Raises CorpusError if there is no such folder, no training file, or if a file of a set
    numbered `-00000-of-00007` is missing.
    """
    if not Path(folder).is_dir():
        raise CorpusError(
            f"{folder} is not a folder; write the one that holds {_example('parquet')}"
        )
    files = {split: list(_files(folder, split)) for split in SPLITS}
    if not files["train"]:
        raise CorpusError(
            f"{folder} holds no training file; name the files {_example('parquet')}, or "
            f"{_example('jsonl')}, or {_example('jsonl.gz')}"
        )
    for paths in files.values():
        _check_complete(paths)
    return {split: paths for split, paths in files.items() if paths}


def data_files_in(folder: Path) -> list[Path]:
    """All of those files; none if there is no such folder."""
    return [path for split in SPLITS for path in _files(folder, split)]


def _example(suffix: str) -> str:
    return f"train.{suffix} and validation.{suffix}"


def _files(folder: Path, split: str) -> Iterator[Path]:
    for path in sorted(Path(folder).rglob(f"{split}*")):
        if path.name.endswith(SUFFIXES) and path.is_file():
            yield path


def _check_complete(paths: list[Path]) -> None:
    there = frozenset(paths)
    for path in paths:
        match = _SHARD.fullmatch(path.name)
        if not match:
            continue
        for number in range(int(match[3])):
            other = path.with_name(f"{match[1]}-{number:05d}-of-{match[3]}{match[4]}")
            if other not in there:
                raise CorpusError(f"{other} is missing; get the whole data set")
