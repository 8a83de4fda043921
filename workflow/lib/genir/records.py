"""Entries of JSON Lines and Parquet files, each of which knows where it stands."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from genir.corpus import SPLITS
from genir.errors import CorpusError
from genir.identifiers import fault
from genir.user_files import check_exists, numbered_lines

JSON_TYPES = {bool: "true or false", int: "a number", float: "a number", list: "a list"}
JSON_SUFFIXES = (".jsonl", ".json", ".jsonl.gz")
# Rows of Parquet that are in memory at a time; a row can hold a long page, token by token.
BATCH_ROWS = 64


@dataclass(frozen=True)
class Row:
    """One entry of a file, in `line 3` or `row 3` of it; `within` is the key it lies under."""

    file: Path
    position: str
    values: dict[str, Any]
    within: str = ""

    @property
    def place(self) -> str:
        return f"{self.file}, {self.position}"

    def text(self, key: str) -> str:
        """The text under `key`. Raises CorpusError if there is none."""
        value = self.written(key)
        if not value.strip():
            raise CorpusError(
                f"{self.place}: {self.within}{key} is empty; write a text or remove the entry"
            )
        return value

    def written(self, key: str) -> str:
        """The text under `key`, which may be empty. Raises CorpusError if it is no text."""
        value, name = self._value(key), self.within + key
        if not isinstance(value, str):
            raise CorpusError(f"{self.place}: {name} is {_kind(value)}; write text in quotes")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise CorpusError(
                f"{self.place}: {name} holds half a surrogate pair (\\ud800 to \\udfff); "
                "write the character itself"
            ) from None
        return value

    def optional_text(self, key: str) -> str:
        """The text under `key`, empty if there is none."""
        value = self.values.get(key)
        absent = value is None or (isinstance(value, str) and not value.strip())
        return "" if absent else self.text(key)

    def identifier(self, key: str) -> str:
        """A text that can be an id."""
        value = self.text(key)
        if (wrong := fault(value)) is not None:
            raise CorpusError(f"{self.place}: {self.within}{key} {value!r} {wrong}")
        return value

    def split(self) -> str:
        value = self.text("split")
        if value not in SPLITS:
            raise CorpusError(f"{self.place}: split is {value!r}; write train, validation or test")
        return value

    def block(self, key: str) -> "Row":
        """The keys that lie under `key`. Raises CorpusError if there are none."""
        value, name = self._value(key, example="{...}"), self.within + key
        if not isinstance(value, dict):
            raise CorpusError(f"{self.place}: {name} is {_kind(value)}; write {{...}}")
        return replace(self, values=value, within=f"{name}.")

    def entries(self, key: str) -> list[Any]:
        """The list under `key`. Raises CorpusError if there is none."""
        value, name = self._value(key, example="[...]"), self.within + key
        if not isinstance(value, list):
            raise CorpusError(f"{self.place}: {name} is {_kind(value)}; write a list, [...]")
        return value

    def _value(self, key: str, example: str = '"..."') -> Any:
        value = self.values.get(key)
        if value is None:
            raise CorpusError(f'{self.place}: no {self.within}{key}; add "{key}": {example}')
        return value


def _kind(value: Any) -> str:
    return JSON_TYPES.get(
        type(value), "text" if isinstance(value, str) else f"of type {type(value).__name__}"
    )


class Ids:
    """The ids under one key; refuses one that came before."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._first: dict[str, tuple[Path, str]] = {}

    def add(self, row: Row, value: str) -> None:
        """Raises CorpusError naming both entries if `value` is there already."""
        if value in self._first:
            file, position = self._first[value]
            where = position if file == row.file else f"{file}, {position}"
            raise CorpusError(
                f"{row.place}: {self.key} {value!r} is in {where} already; "
                "give every entry an id of its own"
            )
        self._first[value] = (row.file, row.position)


def read_rows(path: Path, required: Sequence[str]) -> Iterator[Row]:
    """Entries of a JSON Lines (.jsonl, .json, .jsonl.gz) or Parquet file, one after the other.

    Parquet must have the `required` columns; the entries of JSON Lines are checked where their keys
    are asked for. Raises CorpusError if the file cannot be read.
    """
    if Path(path).suffix == ".parquet":
        return _parquet_rows(path, required)
    if str(path).endswith(JSON_SUFFIXES):
        return _json_rows(path)
    raise CorpusError(f"{path} is of no known kind; write a file that ends in .jsonl or .parquet")


def _json_rows(path: Path) -> Iterator[Row]:
    for number, line in numbered_lines(path):
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            raise CorpusError(
                f"{path}, line {number}: not JSON ({error.msg}, column {error.colno}); "
                "write one object per line"
            ) from None
        if not isinstance(values, dict):
            raise CorpusError(
                f'{path}, line {number}: not an object; write {{"key": "value", ...}}'
            )
        yield Row(path, f"line {number}", values)


def _parquet_rows(path: Path, required: Sequence[str]) -> Iterator[Row]:
    check_exists(path)
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            check_columns(path, file.schema_arrow, required)
            for batch in file.iter_batches(BATCH_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(path, f"row {number}", values)
    except (pa.ArrowInvalid, OSError) as error:
        raise unreadable(path, number, error) from None
    if not number:
        raise CorpusError(f"{path} is empty; write one entry per row")


def unreadable(path: Path, number: int, error: Exception) -> CorpusError:
    """What to say of a Parquet file of which `number` rows could be read."""
    if number:
        return CorpusError(
            f"{path} cannot be read after row {number} ({error}); get the file again"
        )
    return CorpusError(
        f"{path} is not a Parquet file, or only the beginning of one; write it with "
        "DataFrame.to_parquet, or get it again"
    )


def check_columns(path: Path, schema: pa.Schema, required: Sequence[str]) -> None:
    """Raises CorpusError unless every one of `required` (`a.b` is b inside a) is a column."""
    for column in required:
        place: Any = schema
        for name in column.split("."):
            if name not in getattr(place, "names", ()):
                raise CorpusError(
                    f"{path}: no column {column}; add it or rename the one that holds it"
                )
            place = place.field(name).type
