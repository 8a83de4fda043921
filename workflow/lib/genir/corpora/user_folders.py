"""Which files of a folder of the user's are data.

Hidden files and folders (.git, .ipynb_checkpoints, ._x of macOS) and what editors leave (x~, x.bak,
#x#) are not. What looks like data and may be a copy of it is never read in silence.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from genir.base.errors import CorpusError

RECORD_SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet", ".tsv", ".tsv.gz")
"""How files of documents and of queries end."""
QRELS_SUFFIXES = (".tsv", ".tsv.gz", ".txt", ".trec", ".qrels")
"""How files of qrels end in a folder of several."""
# Written by systems that make folders of files.
_OF_OTHERS = ("__MACOSX", "__pycache__")
# As browsers, file managers and people name a second copy.
_COPY = re.compile(
    r"^copy of |[ _-]copy( ?\(?\d+\)?)?\.| \(\d+\)\.|[ ._-](old|backup|bak|orig)\.", re.I
)


def visible_files(folder: Path) -> Iterator[Path]:
    """All files in `folder` and in the folders below, sorted by path; none that is hidden."""
    for path in sorted(Path(folder).rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(_hidden(part) for part in parts):
            yield path


def data_in(path: Path) -> list[Path]:
    """The file itself, or all of a folder that end as data does."""
    if not Path(path).is_dir():
        return [Path(path)]
    suffixes = (*RECORD_SUFFIXES, *QRELS_SUFFIXES)
    return [file for file in visible_files(path) if file.name.endswith(suffixes)]


def parts_of(path: Path) -> list[Path]:
    """The file itself, or the files of records of a folder, which together are one.

    Raises CorpusError if there is none in the folder, if they are of several kinds, or if one has
    the name of a copy.
    """
    if not Path(path).is_dir():
        return [Path(path)]
    folder = Path(path)
    parts = [file for file in visible_files(folder) if file.name.endswith(RECORD_SUFFIXES)]
    if not parts:
        raise CorpusError(
            f"{folder} holds no data; write a folder of files that end in one of "
            f"{', '.join(RECORD_SUFFIXES)}"
        )
    kinds: dict[str, Path] = {}
    for file in parts:
        check_no_copy(file)
        kinds.setdefault(next(s for s in RECORD_SUFFIXES if file.name.endswith(s)), file)
    if len(kinds) > 1:
        one, other, *_ = kinds.values()
        raise CorpusError(
            f"{folder} holds {one.relative_to(folder)} and {other.relative_to(folder)}, which may "
            "be the same data twice; leave files of one kind there, or name the file itself"
        )
    return parts


def check_no_copy(path: Path) -> None:
    """Raises CorpusError if the file is called as a copy of another is."""
    if _COPY.search(path.name):
        raise CorpusError(
            f"{path} is called as a copy of another file is; move it out of the folder, or rename "
            "it if it is data"
        )


def _hidden(name: str) -> bool:
    return name.startswith((".", "#", "~")) or name.endswith(("~", "#")) or name in _OF_OTHERS
