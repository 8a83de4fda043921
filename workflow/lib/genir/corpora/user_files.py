"""Reading text files that users wrote."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from genir.base.errors import CorpusError


def numbered_lines(path: Path, *, marked: bool = True) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, each with its number, counted from 1; `.gz` is unpacked. With
    `marked` the file may begin with a byte-order mark, which is left out.

    Raises CorpusError if the file is missing, is not UTF-8, is cut off or holds blank lines only.
    """
    check_exists(path)
    empty, number = True, 0
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, start=1):
                text = _decoded(path, number, line, marked=marked and number == 1)
                if text.strip():
                    empty = False
                    yield number, text
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorpusError(
            f"{path} cannot be unpacked after line {number} ({error}); get the file again"
        ) from None
    if empty:
        raise CorpusError(f"{path} is empty; write one entry per line")


def check_exists(path: Path) -> None:
    """Raises CorpusError if there is no such file."""
    if not Path(path).is_file():
        raise CorpusError(f"{path} does not exist; correct the path in the configuration")


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if Path(path).suffix == ".gz" else open(path, "rb")


def _decoded(path: Path, number: int, line: bytes, *, marked: bool) -> str:
    try:
        return line.decode("utf-8-sig" if marked else "utf-8")
    except UnicodeDecodeError:
        raise CorpusError(f"{path}, line {number}: not UTF-8; save the file as UTF-8") from None
