"""A corpus out of local files, checked as a whole before any of it is used."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from genir.corpus import SPLITS, Corpus
from genir.errors import CorpusError
from genir.trec import relevant_pairs
from genir.user_files import check_exists, numbered_lines

JSON_TYPES = {bool: "true or false", int: "a number", float: "a number", list: "a list"}


def read_corpus(documents: Path, queries: Path, qrels: Path | None = None) -> Corpus:
    """Read documents (doc_id, text, optional title), queries (query_id, text, optional doc_id and
    split) and, where queries name no doc_id, a TREC qrels file.

    Documents and queries are JSON Lines (.jsonl, .json) or Parquet. The queries keep a column
    `split` if the file has that key. Raises CorpusError naming file and line of the first mistake.
    """
    document_table = _documents(documents)
    query_table = _queries(queries, with_doc_id=qrels is None)
    known = frozenset(document_table["doc_id"])
    if qrels is None:
        pairs = _pairs_of_queries(query_table, known, documents)
    else:
        pairs = _pairs_of_qrels(qrels, query_table, queries, known, documents)
    columns = query_table.columns.intersection(["query_id", "text", "split"], sort=False)
    return Corpus(document_table, query_table[columns], pairs)


@dataclass(frozen=True)
class _Row:
    """One entry of a file, in `line 3` or `row 3` of it."""

    file: Path
    position: str
    values: dict[str, Any]

    @property
    def place(self) -> str:
        return f"{self.file}, {self.position}"

    def text(self, key: str) -> str:
        """The text under `key`. Raises CorpusError if there is none."""
        value = self.values.get(key)
        if value is None:
            raise CorpusError(f'{self.place}: no {key}; add "{key}": "..."')
        if not isinstance(value, str):
            found = JSON_TYPES.get(type(value), f"of type {type(value).__name__}")
            raise CorpusError(f"{self.place}: {key} is {found}; write text in quotes")
        if not value.strip():
            raise CorpusError(f"{self.place}: {key} is empty; write a text or remove the entry")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise CorpusError(
                f"{self.place}: {key} holds half a surrogate pair (\\ud800 to \\udfff); "
                "write the character itself"
            )
        return value

    def optional_text(self, key: str) -> str:
        """The text under `key`, empty if there is none."""
        value = self.values.get(key)
        absent = value is None or (isinstance(value, str) and not value.strip())
        return "" if absent else self.text(key)

    def identifier(self, key: str) -> str:
        """A text that TREC files can hold."""
        value = self.text(key)
        if value.split() != [value]:
            raise CorpusError(
                f"{self.place}: {key} {value!r} holds white space, which separates the fields of "
                f"TREC files; write {'_'.join(value.split())!r}"
            )
        return value

    def split(self) -> str:
        value = self.text("split")
        if value not in SPLITS:
            raise CorpusError(f"{self.place}: split is {value!r}; write train, validation or test")
        return value


def _documents(path: Path) -> pd.DataFrame:
    rows = list(_rows(path, ("doc_id", "text")))
    _check_unique(rows, "doc_id")
    values = [(row.values["doc_id"], row.optional_text("title"), row.text("text")) for row in rows]
    return pd.DataFrame(values, columns=["doc_id", "title", "text"])


def _queries(path: Path, *, with_doc_id: bool) -> pd.DataFrame:
    """The queries and their `place`, with doc_id and split where the file has them."""
    rows = list(_rows(path, ("query_id", "text")))
    _check_unique(rows, "query_id")
    table = {
        "query_id": [row.values["query_id"] for row in rows],
        "text": [row.text("text") for row in rows],
        "place": [row.place for row in rows],
        "doc_id": [_relevant(row) if with_doc_id else row.optional_text("doc_id") for row in rows],
    }
    if any(row.values.get("split") is not None for row in rows):
        table["split"] = [row.split() for row in rows]
    return pd.DataFrame(table)


def _relevant(row: _Row) -> str:
    if row.values.get("doc_id") is None:
        raise CorpusError(
            f'{row.place}: no doc_id; add "doc_id": "..." or name a qrels file for the corpus'
        )
    return row.text("doc_id")


def _check_unique(rows: list[_Row], key: str) -> None:
    first: dict[str, str] = {}
    for row in rows:
        value = row.identifier(key)
        if value in first:
            raise CorpusError(
                f"{row.place}: {key} {value!r} is in {first[value]} already; "
                "give every entry an id of its own"
            )
        first[value] = row.position


def _pairs_of_queries(
    queries: pd.DataFrame, known: frozenset[str], documents: Path
) -> pd.DataFrame:
    for place, doc_id in zip(queries["place"], queries["doc_id"], strict=True):
        _check_known(place, doc_id, known, documents)
    return queries[["query_id", "doc_id"]].copy()


def _pairs_of_qrels(
    path: Path, queries: pd.DataFrame, queries_path: Path, known: frozenset[str], documents: Path
) -> pd.DataFrame:
    query_ids, first = frozenset(queries["query_id"]), {}
    for number, query_id, doc_id in relevant_pairs(path):
        place = f"{path}, line {number}"
        if query_id not in query_ids:
            raise CorpusError(
                f"{place}: there is no query {query_id!r} in {queries_path}; "
                "correct the query_id or remove the line"
            )
        _check_known(place, doc_id, known, documents)
        if (query_id, doc_id) in first:
            raise CorpusError(
                f"{place}: the pair of line {first[query_id, doc_id]} again; remove one of the two"
            )
        first[query_id, doc_id] = number
    pairs = pd.DataFrame(list(first), columns=["query_id", "doc_id"])
    _check_every_query(queries, pairs, path)
    return pairs


def _check_every_query(queries: pd.DataFrame, pairs: pd.DataFrame, path: Path) -> None:
    """Every query has a relevant document, and the one its own entry names is among them."""
    relevant = frozenset(zip(pairs["query_id"], pairs["doc_id"], strict=True))
    answered = frozenset(pairs["query_id"])
    for row in queries.itertuples():
        if row.query_id not in answered:
            raise CorpusError(
                f"{row.place}: {path} names no relevant document for query {row.query_id!r}; "
                "add a line with relevance 1 or remove the query"
            )
        if row.doc_id and (row.query_id, row.doc_id) not in relevant:
            raise CorpusError(
                f"{row.place}: doc_id {row.doc_id!r} is not relevant to query {row.query_id!r} "
                f"in {path}; remove the key doc_id or add the line to the qrels"
            )


def _check_known(place: str, doc_id: str, known: frozenset[str], documents: Path) -> None:
    if doc_id not in known:
        raise CorpusError(
            f"{place}: there is no document {doc_id!r} in {documents}; "
            "correct the doc_id or add the document"
        )


def _rows(path: Path, required: tuple[str, ...]) -> Iterator[_Row]:
    if Path(path).suffix == ".parquet":
        return _parquet_rows(path, required)
    if Path(path).suffix in (".jsonl", ".json"):
        return _json_rows(path)
    raise CorpusError(f"{path} is of no known kind; write a file that ends in .jsonl or .parquet")


def _json_rows(path: Path) -> Iterator[_Row]:
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
        yield _Row(path, f"line {number}", values)


def _parquet_rows(path: Path, required: tuple[str, ...]) -> Iterator[_Row]:
    check_exists(path)
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid:
        raise CorpusError(
            f"{path} is not a Parquet file; write it with DataFrame.to_parquet"
        ) from None
    for key in required:
        if key not in table.column_names:
            raise CorpusError(f"{path}: no column {key}; add it or rename the one that holds it")
    if not table.num_rows:
        raise CorpusError(f"{path} is empty; write one entry per row")
    for number, values in enumerate(table.to_pylist(), start=1):
        yield _Row(path, f"row {number}", values)
