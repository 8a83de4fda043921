"""A corpus out of local files, checked as a whole before any of it is used."""

from pathlib import Path

import pandas as pd

from genir.corpus import Corpus, Origin
from genir.digests import sha256
from genir.errors import CorpusError
from genir.manifest import described
from genir.records import Ids, Row, read_rows
from genir.trec import relevant_pairs


def read(documents: Path, queries: Path, qrels: Path | None = None) -> tuple[Corpus, Origin]:
    """The corpus, as `read_corpus` reads it, and where it comes from."""
    corpus = read_corpus(documents, queries, qrels)
    files = {"documents": documents, "queries": queries} | ({"qrels": qrels} if qrels else {})
    release = f"documents file, SHA-256 {sha256(documents)[:12]}"
    return corpus, Origin("files", release, inputs=described(files))


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


def read_generated_queries(path: Path) -> pd.DataFrame:
    """Generated queries (doc_id, text), several for a document, of a JSON Lines or Parquet file.

    Raises CorpusError naming file and line of the first mistake.
    """
    rows = read_rows(path, ("doc_id", "text"))
    values = [(row.identifier("doc_id"), row.text("text")) for row in rows]
    return pd.DataFrame(values, columns=["doc_id", "text"])


def _documents(path: Path) -> pd.DataFrame:
    rows = list(read_rows(path, ("doc_id", "text")))
    _check_unique(rows, "doc_id")
    values = [(row.values["doc_id"], row.optional_text("title"), row.text("text")) for row in rows]
    return pd.DataFrame(values, columns=["doc_id", "title", "text"])


def _queries(path: Path, *, with_doc_id: bool) -> pd.DataFrame:
    """The queries and their `place`, with doc_id and split where the file has them."""
    rows = list(read_rows(path, ("query_id", "text")))
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


def _relevant(row: Row) -> str:
    if row.values.get("doc_id") is None:
        raise CorpusError(
            f'{row.place}: no doc_id; add "doc_id": "..." or name a qrels file for the corpus'
        )
    return row.text("doc_id")


def _check_unique(rows: list[Row], key: str) -> None:
    ids = Ids(key)
    for row in rows:
        ids.add(row, row.identifier(key))


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
