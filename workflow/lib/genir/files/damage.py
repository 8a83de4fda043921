"""What is said of a file below results/ that was cut off, emptied or changed since it was written.

What is read is compared with the digest that was noted when it was written (`provenance.py`), and
Parquet with the check sums of its pages.

Files of the user's own are checked where they are read, and say what is wrong with them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genir.base.errors import DamagedFileError, UserError
from genir.files.fingerprint import sha256
from genir.files.provenance import FOLDER_FILE, read_document, sidecar

_RESULTS, _FETCHED = ("results",), ("results", "fetch")
_SNAPSHOT_PARTS = 5
"""results/fetch/<kind>/<id>/<revision>"""


@contextmanager
def reading(path: Path | str, opened: bool = False) -> Iterator[None]:
    """What is not as it was written, or cannot be read by a library, becomes a DamagedFileError. A
    file that is not there, or may not be read, stays an OSError. What is `opened` already has been
    compared with its digest."""
    try:
        if not opened:
            _check_digest(Path(path))
        yield
    except Exception as error:
        known = isinstance(error, UserError | MemoryError)
        refused = isinstance(error, OSError) and error.errno is not None
        if known or refused or not (_is_below(path, _RESULTS) and Path(path).is_file()):
            raise
        raise _damaged(path, str(error)) from None


def check_unchanged(*paths: Path | str) -> None:
    """Raises DamagedFileError as `reading`, before a library reads these files."""
    for path in paths:
        with reading(path):
            pass


def _check_digest(path: Path) -> None:
    """What nothing is noted of is not read. What is noted of files of the user, or comes with files
    from the hub, is no word of ours."""
    if not _is_below(path, _RESULTS) or _is_below(path, _FETCHED) or not path.is_file():
        return
    for document in (sidecar(path), path.parent / FOLDER_FILE):
        _, digests = read_document(document)
        if path.name in digests and sha256(path) != digests[path.name]:
            raise ValueError("its bytes are not those that were written")


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
