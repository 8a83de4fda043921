"""What is said before a run where files cannot be written, or bear a time that is yet to come."""

import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from genir.base.errors import StorageError
from genir.files.full_disk import _NO_SPACE, FULL, NEEDED, _speaks_of, is_full, writing

_TOLERANCE = 60.0
"""Seconds that clocks may differ by."""


def check_storage(workdir: Path, sources: Iterable[Path]) -> None:
    """Raises StorageError if the workflow cannot write in `workdir` or, as Snakemake does to plan,
    for temporary files; or if one of its results or of the `sources` was modified in the future."""
    _check_temporary()
    folders = [workdir, workdir / ".snakemake", workdir / "results"]
    now = max(_time_of_a_new_file(folder) for folder in folders if folder.is_dir())
    _check_times([workdir / "results", *sources], now)


def tell_if_full(workdir: Path) -> None:
    """What a run says at its end, however it ends: not every message of a full disk says so."""
    for folder in (workdir, _temporary()):
        if is_full(folder):
            print(f"{folder}: {FULL}.", file=sys.stderr)


def _check_temporary() -> None:
    """What Snakemake and every job write their temporary files to. Where TMPDIR cannot be written,
    Python looks for another place without a word."""
    folder = _temporary()
    try:
        _time_of_a_new_file(folder)
    except (OSError, StorageError) as error:
        if "TMPDIR" not in os.environ or is_full(folder) or _speaks_of(error, _NO_SPACE):
            raise
        wrong = "cannot be written" if folder.is_dir() else "is no folder"
        raise StorageError(
            f"{folder} {wrong}, but TMPDIR names it for temporary files; name a folder of your "
            "own, or run `unset TMPDIR`"
        ) from None


def _temporary() -> Path:
    return Path(os.environ.get("TMPDIR") or tempfile.gettempdir())


def _time_of_a_new_file(folder: Path) -> float:
    """By the clock of its file system. Raises StorageError if nothing can be written there."""
    with writing(folder), tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(NEEDED))
        file.flush()
        return os.fstat(file.fileno()).st_mtime


def _check_times(paths: Iterable[Path], now: float) -> None:
    """What is made from a file of the future would stay older than it."""
    for path in paths:
        for file, modified in _modified(path):
            if modified > now + _TOLERANCE:
                raise StorageError(
                    f"{file} was modified in the future ({time.ctime(modified)}): what is made "
                    "from it would look older than it in every run. Check the clock, then run "
                    f"`find {shlex.quote(str(path))} -newermt now -exec touch -d now {{}} +`"
                )


def _modified(path: Path) -> Iterator[tuple[Path, float]]:
    """Every file below `path`, or itself, with its time; a file may go away meanwhile."""
    with suppress(FileNotFoundError):
        if not path.is_dir():
            yield path, path.stat().st_mtime
            return
        for inside in sorted(path.iterdir()):
            yield from _modified(inside)
