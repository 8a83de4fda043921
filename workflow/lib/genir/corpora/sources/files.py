"""A corpus out of local files, checked as a whole before any of it is used."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from genir.base.errors import CorpusError
from genir.corpora.beir_layout import beir_files
from genir.corpora.checked import CheckedCorpus, Names
from genir.corpora.corpus import Corpus, Origin
from genir.corpora.faults import UNREADABLE, Faulty
from genir.corpora.judgements import read_judgements
from genir.corpora.manifest import described
from genir.corpora.records import Row, read_rows
from genir.corpora.user_folders import parts_of
from genir.files.fingerprint import sha256


def read(
    documents: Path | None = None,
    queries: Path | None = None,
    qrels: Path | None = None,
    folder: Path | None = None,
    faulty: Faulty = "error",
) -> tuple[Corpus, Origin]:
    """The corpus of `documents`, `queries` and `qrels`, as `read_corpus` reads it, or that of a
    `folder` laid out as BEIR's are, and where it comes from.

    In such a folder the qrels say the split, and queries that none of them names are left out.
    """
    if folder is not None:
        beir = beir_files(folder)
        documents, queries, judged = beir.documents, beir.queries, dict(beir.qrels)
    elif documents is None or queries is None:
        raise CorpusError("source files needs documents and queries, or a folder")
    else:
        judged = {} if qrels is None else {None: qrels}
    corpus, counts = _read(documents, queries, judged, faulty)
    files = _files(documents, queries, judged)
    digest = _digest(parts_of(documents))
    return corpus, Origin(
        "files", f"documents file, SHA-256 {digest[:12]}", counts=counts, inputs=described(files)
    )


def read_corpus(
    documents: Path, queries: Path, qrels: Path | None = None, faulty: Faulty = "error"
) -> Corpus:
    """Read documents (doc_id, text, optional title), queries (query_id, text, optional doc_id and
    split) and, where queries name no doc_id, relevance judgements.

    Documents and queries are JSON Lines, Parquet or TSV, a file or a folder of them. The queries
    keep a column `split` if the file has that key. Raises CorpusError naming file and line of all
    mistakes; with `faulty` drop, only those of entries that cannot be read.
    """
    return _read(documents, queries, {} if qrels is None else {None: qrels}, faulty)[0]


def read_generated_queries(path: Path) -> pd.DataFrame:
    """Generated queries (doc_id, text), several for a document, of a file of records.

    Raises CorpusError naming file and line of the first mistake.
    """
    rows = read_rows(path, ("doc_id", "text"))
    values = [(row.identifier("doc_id"), row.text("text")) for row in rows]
    return pd.DataFrame(values, columns=["doc_id", "text"])


def _files(documents: Path, queries: Path, qrels: Mapping[str | None, Path]) -> dict[str, Path]:
    """All that was read, by role; the files of a folder have their place in it."""
    named = {"documents": documents, "queries": queries}
    named |= {f"{split}_qrels" if split else "qrels": path for split, path in qrels.items()}
    return {
        role if part == path else f"{role}/{part.relative_to(path).as_posix()}": part
        for role, path in named.items()
        for part in parts_of(path)
    }


def _digest(paths: list[Path]) -> str:
    """SHA-256 of a file; of several, that of theirs."""
    digests = [sha256(path) for path in paths]
    return (
        digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    )


def _read(
    documents: Path, queries: Path, qrels: Mapping[str | None, Path], faulty: Faulty
) -> tuple[Corpus, dict[str, Any]]:
    """`qrels` by split; None where they say none."""
    judged = qrels.get(None, Path(queries) if not qrels else next(iter(qrels.values())).parent)
    names = Names(str(documents), str(queries), str(judged))
    corpus, splits = CheckedCorpus(names, faulty), qrels.keys() - {None}
    try:
        _documents(corpus, documents)
        named = _queries(corpus, queries, with_doc_id=not qrels, with_split=not splits)
        for split, path in qrels.items():
            for line in read_judgements(path):
                ids = line.query_id, line.doc_id
                corpus.judgement(line.place, *ids, relevant=line.relevance > 0, split=split)
    except CorpusError as error:
        corpus.faults.note(UNREADABLE, str(error))
        corpus.faults.check()
        raise
    for row, query_id, doc_id in named:
        with corpus.faults.noted():
            corpus.check_named(row.place, query_id, doc_id)
    return corpus.corpus(all_judged=not splits)


def _documents(corpus: CheckedCorpus, path: Path) -> None:
    for row in _rows(path, "doc_id", ("title",)):
        with corpus.faults.noted():
            doc_id = _id(corpus, row, "doc_id")
            corpus.lost_document(doc_id)
            corpus.document(row.place, doc_id, row.optional_text("title"), _text(row))


def _queries(
    corpus: CheckedCorpus, path: Path, *, with_doc_id: bool, with_split: bool
) -> list[tuple[Row, str, str]]:
    """Add the queries, and their relevant document if they say it. Returns what they say where
    others say it too: row, query_id and doc_id."""
    named, split, unsplit = [], False, []
    for row in _rows(path, "query_id", ("doc_id", "split")):
        with corpus.faults.noted():
            query_id = _id(corpus, row, "query_id")
            corpus.lost_query(query_id)
            own = row.split() if with_split and row.values.get("split") is not None else None
            split |= own is not None
            if own is None:
                unsplit.append(Row(row.file, row.position, {}))
            doc_id = _relevant(row) if with_doc_id else row.optional_text("doc_id")
            corpus.query(row.place, query_id, _text(row), own)
            if with_doc_id:
                corpus.judgement(row.place, query_id, doc_id, relevant=True)
            elif doc_id:
                named.append((row, query_id, doc_id))
    for row in unsplit if split else []:
        with corpus.faults.noted():
            row.split()
    return named


def _rows(path: Path, key: str, optional: tuple[str, ...]) -> Iterator[Row]:
    for part in parts_of(path):
        yield from read_rows(part, (key, "text"), optional)


def _id(corpus: CheckedCorpus, row: Row, key: str) -> str:
    try:
        return row.identifier(key)
    except CorpusError:
        corpus.nameless = True
        raise


def _text(row: Row) -> str | None:
    """The text, None for a null. Raises CorpusError if the key is missing or holds no text."""
    null = "text" in row.values and row.values["text"] is None
    return None if null else row.written("text")


def _relevant(row: Row) -> str:
    if row.values.get("doc_id") is None:
        raise CorpusError(
            f'{row.place}: no doc_id; add "doc_id": "..." or name a qrels file for the corpus'
        )
    return row.text("doc_id")
