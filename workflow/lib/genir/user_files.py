"""Reading text files that users wrote."""

from collections.abc import Iterator
from pathlib import Path

from genir.errors import CorpusError


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, each with its number, counted from 1.

    Raises CorpusError if the file is missing, is not UTF-8 or holds blank lines only.
    """
    check_exists(path)
    empty = True
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            text = _decoded(path, number, line)
            if text.strip():
                empty = False
                yield number, text
    if empty:
        raise CorpusError(f"{path} is empty; write one entry per line")


def check_exists(path: Path) -> None:
    """Raises CorpusError if there is no such file."""
    if not Path(path).is_file():
        raise CorpusError(f"{path} does not exist; correct the path in the configuration")


def _decoded(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CorpusError(f"{path}, line {number}: not UTF-8; save the file as UTF-8") from None
