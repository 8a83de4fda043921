"""JSON files of a model folder, as people have them."""

import json
from pathlib import Path
from typing import Any

from genir.base.errors import ModelError
from genir.base.json_keys import RepeatedKeyError, distinct
from genir.files.damage import reading


def read_object(path: Path | str, byte_order_mark: bool = False) -> dict[str, Any]:
    """The JSON object in a file. A `byte_order_mark` is refused unless it is said that it may be
    there: libraries that read the same file stop at it.

    Raises ModelError for what is no such object, or says one key twice; DamagedFileError for a file
    below results/ that is not as it was written.
    """
    try:
        with reading(path):
            return _parsed(Path(path).read_bytes(), byte_order_mark)
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror or error}); get the folder again"
        ) from None
    except ValueError as error:
        raise ModelError(f"{path} {error}") from None


def _parsed(content: bytes, byte_order_mark: bool) -> dict[str, Any]:
    """Raises ValueError that says what is wrong and what to do."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    if text.startswith("\ufeff") and not byte_order_mark:
        raise ValueError("begins with a byte-order mark; save it as UTF-8 without one")
    try:
        value = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=distinct)
    except RecursionError:
        raise ValueError("is nested too deeply to be read; get the file again") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON ({error}); get the file again") from None
    except RepeatedKeyError as error:
        raise ValueError(f"says {error.key!r} twice; keep one of the two") from None
    except ValueError:
        raise ValueError("holds a number of thousands of digits; correct it") from None
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object {...}; get the file again")
    return value
