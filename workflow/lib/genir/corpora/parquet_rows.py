"""Rows of Parquet files that users have."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from genir.base.errors import CorpusError
from genir.corpora.user_files import check_exists

# Rows that are in memory at a time; a row can hold a long page, token by token.
BATCH_ROWS = 64
# What pyarrow raises for bytes that are no Parquet.
_DAMAGE = (pa.ArrowException, OSError, EOFError, MemoryError, OverflowError)


def parquet_rows(
    path: Path,
    required: Sequence[str],
    optional: Sequence[str] = (),
    other_names: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Row number, from 1, and the values of every row in the columns that are asked for alone.

    `a.b` is b inside a. A required column may have its name in `other_names` instead. Raises
    CorpusError naming file and row if a required column is missing, one comes twice, a text is not
    UTF-8, or the file cannot be read.
    """
    check_exists(path)
    number = 0
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            columns = _columns(path, file.schema_arrow, required, optional, other_names)
            for batch in file.iter_batches(BATCH_ROWS, columns=columns):
                for values in _values(path, number, batch):
                    number += 1
                    yield number, values
            _check_number(path, number, file.metadata.num_rows)
    except _DAMAGE as error:
        raise unreadable(path, number, error) from None
    if not number:
        raise CorpusError(f"{path} is empty; write one entry per row")


def check_columns(path: Path, required: Sequence[str]) -> None:
    """Raises CorpusError if the file is no Parquet, or a column is missing or comes twice."""
    check_exists(path)
    try:
        with pq.ParquetFile(path) as file:
            _columns(path, file.schema_arrow, required, (), {})
    except _DAMAGE as error:
        raise unreadable(path, 0, error) from None


def _columns(
    path: Path,
    schema: pa.Schema,
    required: Sequence[str],
    optional: Sequence[str],
    other_names: Mapping[str, str],
) -> list[str]:
    """The columns to read. Raises CorpusError if one is missing or there twice."""
    columns = [column for column in optional if column in schema.names]
    for column in required:
        other = other_names.get(column)
        columns.append(other if column not in schema.names and other in schema.names else column)
    for column in columns:
        _check_column(path, schema, column)
    return columns


def _check_column(path: Path, schema: pa.Schema, column: str) -> None:
    place: Any = schema
    for name in column.split("."):
        names = [field.name for field in place] if _has_fields(place) else []
        if name not in names:
            raise CorpusError(f"{path}: no column {column}; add it or rename the one that holds it")
        if names.count(name) > 1:
            raise CorpusError(f"{path}: two columns are called {name}; rename one of them")
        place = place.field(name).type


def _has_fields(place: Any) -> bool:
    return isinstance(place, pa.Schema) or pa.types.is_struct(place)


def _values(path: Path, before: int, batch: pa.RecordBatch) -> list[dict[str, Any]]:
    try:
        return batch.to_pylist()
    except (ValueError, OverflowError):
        raise _wrong_value(path, before, batch) from None


def _wrong_value(path: Path, before: int, batch: pa.RecordBatch) -> CorpusError:
    """Names the first value of a batch that Python cannot hold."""
    for row in range(batch.num_rows):
        for column in batch.schema.names:
            try:
                batch.column(column)[row].as_py()
            except UnicodeDecodeError:
                return CorpusError(
                    f"{path}, row {before + row + 1}: {column} is not UTF-8; write text in UTF-8"
                )
            except (ValueError, OverflowError) as error:
                return CorpusError(
                    f"{path}, row {before + row + 1}: {column} cannot be read ({error}); write text"
                )
    return CorpusError(f"{path} cannot be read after row {before}; write the file again")


def _check_number(path: Path, number: int, stated: int) -> None:
    if number != stated:
        raise CorpusError(
            f"{path} holds {number} rows and says that it has {stated}; get the file again"
        )


def unreadable(path: Path, number: int, error: BaseException) -> CorpusError:
    """What to say of a Parquet file of which `number` rows could be read."""
    said = " ".join(str(error).split())[:200] or type(error).__name__
    if number:
        return CorpusError(f"{path} cannot be read after row {number} ({said}); get the file again")
    return CorpusError(
        f"{path} is not a Parquet file, or only the beginning of one ({said}); write it with "
        "DataFrame.to_parquet, or get it again"
    )
