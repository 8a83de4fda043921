"""Records of a data set of the Hugging Face hub that lies in a local folder."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from genir.base.errors import CorpusError
from genir.base.progress import Progress
from genir.corpora.corpus import Origin
from genir.corpora.parquet_rows import check_columns, unreadable
from genir.corpora.records import Row, read_rows
from genir.corpora.split_files import split_files
from genir.files.fingerprint import sha256


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
