"""Files and records of a data set in the layout of the Hugging Face hub, in a local folder."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from genir.base.errors import CorpusError
from genir.base.names import SPLITS
from genir.base.progress import Progress
from genir.corpora.corpus import Origin
from genir.corpora.parquet_rows import check_columns, unreadable
from genir.corpora.records import Row, read_rows
from genir.corpora.user_folders import visible_files
from genir.files.fingerprint import sha256

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


@dataclass
class HubFiles:
    """A folder with files of a data set, and which data set it is a copy of, if any.

    `id`, `name` (its configuration) and `revision` are the hub's; all None for files of one's own.
    """

    folder: Path
    id: str | None = None
    name: str | None = None
    revision: str | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def records(self, columns: Sequence[str]) -> Iterator[tuple[str, Row]]:
        """Split and record, file by file; counts the records of each split.

        Raises CorpusError if a file cannot be read or, as Parquet, lacks one of the columns.
        """
        files = [(split, path) for split, paths in self._files().items() for path in paths]
        progress = Progress("file", len(files))
        for number, (split, path) in enumerate(files, start=1):
            for row in _rows(path, columns):
                self.counts[f"{split}_records"] += 1
                yield split, row
            progress.update(number, f"{self.counts.total()} records")

    def origin(self, source: str, licence: str, citation: str, counts: dict[str, object]) -> Origin:
        """What the manifest says; `counts` is what was left out."""
        paths = [path for paths in self._files().values() for path in paths]
        names = [path.relative_to(self.folder).as_posix() for path in paths]
        digests = [sha256(path) for path in paths]
        release = f"{self.id}, {self.name}, revision {self.revision}"
        if self.revision is None:
            whole = hashlib.sha256("".join(digests).encode()).hexdigest()
            release = f"{len(paths)} files, SHA-256 of their SHA-256 {whole[:12]}"
        return Origin(
            source=f"{source}, {self.id or 'local files'}",
            release=release,
            licence=licence,
            citation=citation,
            counts=dict(self.counts) | counts,
            inputs={
                name: {"file": Path(name).name, "sha256": digest}
                for name, digest in zip(names, digests, strict=True)
            },
        )

    def _files(self) -> dict[str, list[Path]]:
        return split_files(self.folder)


def _rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Records of a file; Parquet through `datasets`, streamed, the asked-for columns alone."""
    if path.suffix != ".parquet":
        yield from read_rows(path, columns)
        return
    check_columns(path, columns)
    # Seconds that the other sources need not wait for.
    import datasets

    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    datasets.disable_progress_bars()
    top = list(dict.fromkeys(column.partition(".")[0] for column in columns))
    number = 0
    with TemporaryDirectory() as cache:
        try:
            stream = datasets.load_dataset(
                "parquet",
                data_files=str(path),
                split="train",
                streaming=True,
                columns=top,
                cache_dir=cache,
            )
            for values in stream:
                number += 1
                yield Row(path, f"row {number}", values)
        except (ValueError, OSError, datasets.exceptions.DatasetsError) as error:
            raise unreadable(path, number, error) from None
    if not number:
        raise CorpusError(f"{path} is empty; get the file again")


def same_length(row: Row, *keys: str) -> list[list[object]]:
    """The lists under `keys`, which belong together. Raises CorpusError if their lengths differ."""
    lists = [row.entries(key) for key in keys]
    if len({len(entries) for entries in lists}) > 1:
        lengths = ", ".join(
            f"{row.within}{key} {len(entries)}" for key, entries in zip(keys, lists, strict=True)
        )
        raise CorpusError(f"{row.place}: lists of different lengths ({lengths}); make them equal")
    return lists
