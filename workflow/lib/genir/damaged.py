"""What is said of a file below results/ that was cut off, emptied or changed since it was written.

Files of the user's own are checked where they are read, and say what is wrong with them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genir.errors import DamagedFileError, UserError
from genir.provenance import FOLDER_FILE

_RESULTS, _FETCHED = ("results",), ("results", "fetch")
_SNAPSHOT_PARTS = 5
"""results/fetch/<kind>/<id>/<revision>"""


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """What a library cannot read of `path` becomes a DamagedFileError. A file that is not there, or
    may not be read, stays an OSError."""
    try:
        yield
    except Exception as error:
        known = isinstance(error, UserError | MemoryError)
        refused = isinstance(error, OSError) and error.errno is not None
        if known or refused or not (_is_below(path, _RESULTS) and Path(path).is_file()):
            raise
        raise _damaged(path, str(error)) from None


def check_ending(path: Path | str) -> None:
    """Raises DamagedFileError if a text file does not end with a line: what was cut off would not
    be missed."""
    if not _is_below(path, _RESULTS):
        return
    with open(path, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        last = file.read()
    if last != b"\n":
        raise _damaged(path, "it ends within a line" if last else "it is empty")


def _damaged(path: Path | str, reason: str) -> DamagedFileError:
    """Names the file and says how to get it back."""
    said = " ".join(reason.split()).rstrip(".") or "it cannot be read"
    return DamagedFileError(f"{path} is damaged ({said}): {_mend(Path(path))}")


def _mend(path: Path) -> str:
    """What to delete is what one rule writes: a folder where it was written as a whole."""
    if _is_below(path, _FETCHED):
        folder = Path(*path.parts[:_SNAPSHOT_PARTS])
        return f"delete {folder}, and its copy in the hub's cache, and run `snakemake fetch`"
    whole = (path.parent / FOLDER_FILE).is_file()
    return f"delete {path.parent if whole else path} and run snakemake again"


def _is_below(path: Path | str, folders: tuple[str, ...]) -> bool:
    return Path(path).parts[: len(folders)] == folders
