"""A corpus out of the JSON files that the study's code reads and writes.

documents: `[{"id": .., "text": ".."}, ..]`. Queries, a file for each split:
`[{"id": .., "query": "..", "relevant_docs": [..]}, ..]`, best document first. Qrels, as its
preprocessing writes them: `{"query": [..], "q0": [..], "docid": [..], "rel": [..]}`, lists that
belong together, with docids spelled `@DOC_ID_<id>@`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genir.base.errors import CorpusError
from genir.base.names import PUBLISHED, SPLITS
from genir.corpora.builder import CorpusBuilder
from genir.corpora.corpus import Corpus, Origin
from genir.corpora.hub_layout import same_length
from genir.corpora.manifest import described
from genir.corpora.records import Ids, Row
from genir.corpora.user_files import check_exists
from genir.corpora.user_json import JsonError, parse_json
from genir.files.fingerprint import sha256

CITATION = (
    "Reusch and Belinkov, Reverse-Engineering the Retrieval Process in GenIR Models, SIGIR 2025"
)
UNGRADED = "relevant_pairs_with_no_grade_above_0"
Grades = dict[str, dict[str, int]]
"""query_id -> doc_id -> grade."""


def read(
    documents: Path,
    train_queries: Path,
    validation_queries: Path,
    test_queries: Path,
    validation_qrels: Path | None = None,
    test_qrels: Path | None = None,
) -> tuple[Corpus, Origin]:
    """Documents, and queries with their split. A doc_id is the id without `@DOC_ID_` and `@`.

    Where qrels are given, they must name the same pairs as the queries of that split, and those
    with a grade of 0 or less are not relevant, as in the study's evaluation (its code grades the
    first document 4, the second 3, and so on). Raises CorpusError naming file and entry.
    """
    queries = dict(zip(SPLITS, (train_queries, validation_queries, test_queries), strict=True))
    judged = {"validation": validation_qrels, "test": test_qrels}
    builder, query_ids, ungraded = CorpusBuilder(), Ids("id"), 0
    _add_documents(builder, documents)
    for split, path in queries.items():
        grades = None if judged.get(split) is None else _grades(judged[split])
        for row in _entries(path):
            query_id = _identifier(row, "id", row.values.get("id"))
            query_ids.add(row, query_id)
            named = row.entries("relevant_docs")
            doc_ids = [_identifier(row, "relevant_docs", doc_id) for doc_id in named]
            if grades is not None:
                own = grades.pop(query_id, {})
                _check_agreement(row, query_id, doc_ids, own, judged[split])
                ungraded += sum(grade <= 0 for grade in own.values())
                doc_ids = [doc_id for doc_id in doc_ids if own[doc_id] > 0]
            builder.query(query_id, row.written("query"), doc_ids, split)
        if grades:
            raise CorpusError(
                f"{judged[split]}: query {next(iter(grades))!r} is not in {path}; take both files "
                "from one publication"
            )
    corpus, counts = builder.corpus()
    counts["dropped"][UNGRADED] = ungraded
    files = {"documents": documents} | {f"{split}_queries": path for split, path in queries.items()}
    files |= {f"{split}_qrels": path for split, path in judged.items() if path is not None}
    release = f"documents file, SHA-256 {sha256(documents)[:12]}"
    return corpus, Origin("published", release, None, CITATION, counts, described(files))


def _add_documents(builder: CorpusBuilder, path: Path) -> None:
    ids = Ids("id")
    for row in _entries(path):
        doc_id = _identifier(row, "id", row.values.get("id"))
        ids.add(row, doc_id)
        builder.document(doc_id, "", row.written("text"))


def _grades(path: Path) -> Grades:
    content = _content(path)
    if not isinstance(content, dict):
        raise CorpusError(
            f'{path} is not an object; write {{"query": [..], "docid": [..], "rel": [..]}}'
        )
    lists = same_length(Row(path, "whole file", content), "query", "docid", "rel")
    grades: Grades = {}
    for number, (query, docid, rel) in enumerate(zip(*lists, strict=True), start=1):
        row = Row(path, f"entry {number}", {})
        if isinstance(rel, bool) or not isinstance(rel, int):
            raise CorpusError(f"{row.place}: rel {rel!r} is not a whole number; write the grade")
        query_id = _identifier(row, "query", query)
        grades.setdefault(query_id, {})[_identifier(row, "docid", docid)] = rel
    return grades


def _check_agreement(
    row: Row, query_id: str, doc_ids: list[str], grades: dict[str, int], qrels: Path | None
) -> None:
    differing = sorted(grades.keys() ^ frozenset(doc_ids))
    if differing:
        where = qrels if differing[0] in grades else row.file
        raise CorpusError(
            f"{row.place}: for query {query_id!r}, document {differing[0]!r} is relevant in "
            f"{where} alone, of {row.file} and {qrels}; take both from one publication"
        )


def _entries(path: Path) -> Iterator[Row]:
    """The objects of a JSON list, in `entry 1` and so on."""
    content = _content(path)
    if not isinstance(content, list):
        raise CorpusError(f'{path} is not a list; write [{{"id": .., ...}}, ...]')
    if not content:
        raise CorpusError(f"{path} is an empty list; write one object for each entry")
    for number, values in enumerate(content, start=1):
        if not isinstance(values, dict):
            raise CorpusError(f'{path}, entry {number}: not an object; write {{"id": .., ...}}')
        yield Row(path, f"entry {number}", values)


def _content(path: Path) -> Any:
    check_exists(path)
    try:
        return parse_json(Path(path).read_text(encoding="utf-8-sig"))
    except JsonError as error:
        where = path if error.line is None else f"{path}, line {error.line}"
        raise CorpusError(f"{where}: not JSON ({error}); get the file again") from None
    except UnicodeDecodeError:
        raise CorpusError(f"{path}: not UTF-8; save the file as UTF-8") from None


def _identifier(row: Row, key: str, value: Any) -> str:
    """An id, text or whole number, without its spelling as a token."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str):
        value = value.strip()
        match = PUBLISHED.fullmatch(value)
        value = match[1] if match else value
    return Row(row.file, row.position, {key: value}).identifier(key)
