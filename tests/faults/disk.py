"""A small disk that can be filled, and a user who may not write."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

NOBODY = 65534
FILLER = "filler"


class UnavailableError(Exception):
    """What a fault needs and is not here."""


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int = 160) -> Iterator[None]:
    """A file system of its own in `folder`, which is made. Raises UnavailableError without root."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"a disk can be mounted ({done.stderr.strip()})")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int = 0) -> None:
    """Take all space of a disk but `leave` bytes."""
    space = os.statvfs(folder)
    number = os.open(folder / FILLER, os.O_CREAT | os.O_WRONLY)
    try:
        size = os.fstat(number).st_size
        free = space.f_bavail * space.f_frsize - leave
        if free > 0:
            os.posix_fallocate(number, size, free)
    except OSError:
        pass  # somebody was faster
    finally:
        os.close(number)


@contextlib.contextmanager
def kept_full(folder: Path) -> Iterator[None]:
    """A disk on which whatever becomes free is taken at once."""
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(0.0005):
            fill(folder)

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def as_nobody() -> tuple[str, ...]:
    """What runs a command as a user who may read all there is here, but owns none of it.

    Raises UnavailableError where that cannot be had.
    """
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    read = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    for prefix in (drop, drop + read):
        with contextlib.suppress(OSError):
            tried = subprocess.run(
                [*prefix, sys.executable, "-c", "import snakemake"], capture_output=True, cwd="/"
            )
            if tried.returncode == 0:
                return tuple(prefix)
    raise UnavailableError("another user can run the Python of this environment (setpriv)")
