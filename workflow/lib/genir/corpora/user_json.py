"""JSON that users wrote, read without guessing."""

import json
from typing import Any

from genir.base.json_keys import RepeatedKeyError, distinct

# Python refuses to read longer whole numbers, for that takes time.
_MOST_DIGITS = 4000


class JsonError(Exception):
    """What is wrong with a JSON text, and where in it (line and column from 1, or None)."""

    def __init__(self, said: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(said if column is None else f"{said}, column {column}")
        self.line = line


def parse_json(text: str) -> Any:
    """The value of a JSON text. A whole number of thousands of digits becomes an infinite one, so
    that it does no harm where nobody asks for it.

    Raises JsonError if the text is no JSON, nested too deep to be read, or holds a key twice.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonError(error.msg, error.lineno, error.colno) from None
    except RepeatedKeyError as error:
        raise JsonError(f"an object holds the key {error.key!r} twice") from None
    except RecursionError:
        raise JsonError("lists or objects are nested too deep") from None


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float("inf")


# Made once: json.loads would make one for every line.
_DECODER = json.JSONDecoder(parse_int=_whole_number, object_pairs_hook=distinct)
