"""Files of fields with tabs between them, as MS MARCO and BEIR have them.

A line is an entry and a tab ends a field; quotes are part of the text, as in those collections.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from genir.base.errors import CorpusError
from genir.corpora.user_files import numbered_lines


def fields_of(path: Path, number: int, line: str) -> list[str]:
    """The fields of a line. Raises CorpusError if it holds a NUL, as text in UTF-16 does."""
    if "\0" in line:
        raise CorpusError(f"{path}, line {number}: holds NUL characters; save the file as UTF-8")
    return line.removesuffix("\n").removesuffix("\r").split("\t")


def table_rows(
    path: Path, columns: Sequence[str], other_names: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and the values of every line, by name.

    The fields are `columns`, in this order, unless the first line names others: a line that has all
    of `columns`, or their `other_names`, among its fields. Raises CorpusError naming
    file and line if the file cannot be read or a line has another number of fields.
    """
    names, first = list(columns), True
    for number, line in numbered_lines(path):
        fields = fields_of(path, number, line)
        if first and all({name, other_names.get(name)} & set(fields) for name in columns):
            names = fields
            _check_header(path, number, names)
        elif len(fields) != len(names):
            raise CorpusError(
                f"{path}, line {number}: {len(fields)} fields; write {len(names)} with tabs "
                f"between them ({', '.join(names)}), or name other columns in the first line, "
                f"{' and '.join(columns)} among them"
            )
        else:
            yield number, dict(zip(names, fields, strict=True))
        first = False


def _check_header(path: Path, number: int, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise CorpusError(f"{path}, line {number}: two columns are called {name}; rename one")
