"""What is said where files cannot be written."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genir.base.errors import StorageError, UserError

FULL = "the disk is full; free space and run snakemake again"
REFUSED = (
    "writing is not permitted; give yourself the right to write there, or choose another folder "
    "with --directory"
)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)
NEEDED = 1 << 20
"""Bytes without which Snakemake cannot keep its records."""


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """A full disk or a missing permission becomes a StorageError that names `path`."""
    try:
        yield
    except Exception as error:
        told = refusal(error, path)
        if told is None:
            raise
        raise told from error


def refusal(error: BaseException, path: Path | str | None = None) -> StorageError | None:
    """The StorageError that an exception of any library amounts to, or None; `path` is what was to
    be written, if that is known. torch says of a full disk only that it could not write."""
    if isinstance(error, UserError):
        return None
    named = path or getattr(error, "filename", None) or "a file"
    full = path is not None and is_full(Path(path).parent)
    if full or _speaks_of(error, _NO_SPACE):
        return StorageError(f"{named} cannot be written ({_line(error)}): {FULL}")
    if _speaks_of(error, _NO_PERMISSION):
        return StorageError(f"{named} cannot be written ({_line(error)}): {REFUSED}")
    return None


def is_full(folder: Path) -> bool:
    """Whether less is free than Snakemake needs; not where the file system does not say."""
    if not folder.is_dir():
        return False
    space = os.statvfs(folder)
    return space.f_blocks > 0 and space.f_bavail * space.f_frsize < NEEDED


def _speaks_of(error: BaseException | None, numbers: tuple[int, ...]) -> bool:
    """Whether an error, or one that it came from, has or spells one of these error numbers."""
    while error is not None:
        if getattr(error, "errno", None) in numbers:
            return True
        if any(os.strerror(number) in str(error) for number in numbers):
            return True
        error = error.__cause__ or error.__context__
    return False


def _line(error: BaseException) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(said.split())
