"""The files of a data set in the layout of the Hugging Face hub, by split."""

import re
from dataclasses import dataclass
from pathlib import Path

from genir.base.errors import CorpusError
from genir.base.names import SPLITS
from genir.corpora.user_folders import visible_files

SUFFIXES = (".parquet", ".jsonl", ".jsonl.gz")
_NAME = re.compile(
    r"(?P<split>train|validation|test)"
    r"([-_.]?(?P<number>\d+)(-of-(?P<total>\d+))?(-[0-9a-f]{8,})?)?"
    r"(?P<suffix>\.parquet|\.jsonl|\.jsonl\.gz)"
)


@dataclass(frozen=True)
class _Series:
    """What the files of one split have in common: they lie in one folder, are of one kind, and are
    one file or numbered in one way."""

    folder: Path
    suffix: str
    numbered: bool
    total: str | None


def split_files(folder: Path) -> dict[str, list[Path]]:
    """Files of each split, `<split>.<suffix>` or numbered ones, in `folder` or in one below.

    Only splits that have a file are named, in the order train, validation, test; files are sorted
    by path. Raises CorpusError if there is no such folder, no training file, if a file of a set
    numbered `-00000-of-00007` is missing, or if a file begins like those of a split and is none of
    them or may hold the same data again.
    """
    if not Path(folder).is_dir():
        raise CorpusError(
            f"{folder} is not a folder; write the one that holds {_example('parquet')}"
        )
    files = {split: _files(folder, split) for split in SPLITS}
    if not files["train"]:
        raise CorpusError(
            f"{folder} holds no training file; name the files {_example('parquet')}, or "
            f"{_example('jsonl')}, or {_example('jsonl.gz')}"
        )
    for paths in files.values():
        _check_one_series(paths)
    return {split: paths for split, paths in files.items() if paths}


def data_files_in(folder: Path) -> list[Path]:
    """All files that begin like those of a split; none if there is no such folder."""
    return [path for split in SPLITS for path in _files(folder, split)]


def _example(suffix: str) -> str:
    return f"train.{suffix} and validation.{suffix}"


def _files(folder: Path, split: str) -> list[Path]:
    return [
        path
        for path in visible_files(folder)
        if path.name.startswith(split) and path.name.endswith(SUFFIXES)
    ]


def _check_one_series(paths: list[Path]) -> None:
    series: dict[_Series, list[tuple[str, Path]]] = {}
    for path in paths:
        match = _NAME.fullmatch(path.name)
        if not match:
            split = next(split for split in SPLITS if path.name.startswith(split))
            raise CorpusError(
                f"{path} begins like the {split} files of a data set; if it is one, call it "
                f"{split}-00001{path.name[path.name.find('.') :]} beside others numbered so, else "
                "move it out of the folder"
            )
        number, total = match["number"], match["total"]
        key = _Series(path.parent, match["suffix"], number is not None, total)
        series.setdefault(key, []).append((number, path))
    if len(series) > 1:
        (_, one), (_, other) = (found[0] for found in list(series.values())[:2])
        raise CorpusError(
            f"{one} and {other} may be the same data twice; leave one of them there, or number "
            "the files of one folder, train-00000-of-00002 and so on"
        )
    for key, found in series.items():
        _check_numbers(key, found)


def _check_numbers(series: _Series, found: list[tuple[str, Path]]) -> None:
    """No number comes twice and, where the names say how many there are, none is missing."""
    there: dict[int, Path] = {}
    for number, path in found:
        if series.numbered and there.setdefault(int(number), path) != path:
            raise CorpusError(
                f"{there[int(number)]} and {path} have the same number; leave one of them there"
            )
    for number in range(int(series.total or 0)):
        if number not in there:
            name = found[0][1].name
            first = f"{int(found[0][0]):0{len(found[0][0])}d}"
            missing = name.replace(first, f"{number:0{len(first)}d}", 1)
            raise CorpusError(f"{series.folder / missing} is missing; get the whole data set")
