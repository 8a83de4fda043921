"""Records of a data set of the Hugging Face hub that lies in a local folder."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genir.corpus import Origin
from genir.digests import sha256
from genir.errors import CorpusError
from genir.progress import Progress
from genir.records import Row, read_rows
from genir.split_files import split_files


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
            for row in read_rows(path, columns):
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


def same_length(row: Row, *keys: str) -> list[list[object]]:
    """The lists under `keys`, which belong together. Raises CorpusError if their lengths differ."""
    lists = [row.entries(key) for key in keys]
    if len({len(entries) for entries in lists}) > 1:
        lengths = ", ".join(
            f"{row.within}{key} {len(entries)}" for key, entries in zip(keys, lists, strict=True)
        )
        raise CorpusError(f"{row.place}: lists of different lengths ({lengths}); make them equal")
    return lists
