"""Entries of JSON Lines, Parquet and TSV files, each of which knows where it stands."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genir.base.errors import CorpusError
from genir.base.names import SPLITS
from genir.corpora.identifiers import fault
from genir.corpora.parquet_rows import parquet_rows
from genir.corpora.text_tables import table_rows
from genir.corpora.user_files import numbered_lines
from genir.corpora.user_json import JsonError, parse_json

KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    bytes: "binary",
    str: "text",
}
JSON_SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz")
TABLE_SUFFIXES = (".tsv", ".tsv.gz")
# BEIR's name for the id of a document and for that of a query.
OTHER_NAMES = {"doc_id": "_id", "query_id": "_id"}


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
    if isinstance(value, float) and math.isnan(value):
        return "NaN, which stands for no value"
    return KINDS.get(type(value), f"of type {type(value).__name__}")


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


def read_rows(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Row]:
    """Entries of a JSON Lines, Parquet or TSV file, one after the other.

    Of Parquet the `required` and `optional` columns are read, and the former must be there; TSV has
    the `required` ones, in this order, or names its columns in the first line. Entries of JSON
    Lines are checked where their keys are asked for. An id may be called `_id`. Raises
    CorpusError if the file cannot be read.
    """
    if str(path).endswith(JSON_SUFFIXES):
        rows = _json_objects(path)
    elif str(path).endswith(TABLE_SUFFIXES):
        rows = table_rows(path, required, OTHER_NAMES)
    elif str(path).endswith(".parquet"):
        rows = parquet_rows(path, required, optional, OTHER_NAMES)
    else:
        raise CorpusError(
            f"{path} is of no known kind; write a file that ends in .jsonl or .parquet, in .tsv, "
            "or in .jsonl.gz or .tsv.gz"
        )
    unit = "row" if str(path).endswith(".parquet") else "line"
    for number, values in rows:
        for name in OTHER_NAMES.keys() & required:
            if name not in values and OTHER_NAMES[name] in values:
                values[name] = values.pop(OTHER_NAMES[name])
        yield Row(path, f"{unit} {number}", values)


def _json_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in numbered_lines(path):
        try:
            values = parse_json(line)
        except JsonError as error:
            raise CorpusError(
                f"{path}, line {number}: not JSON ({error}); write one object per line"
            ) from None
        if not isinstance(values, dict):
            raise CorpusError(
                f'{path}, line {number}: not an object; write {{"key": "value", ...}}'
            )
        yield number, values
