"""TREC run and qrels files: those of users as they are, ours with ids of any text
(`identifiers.py`)."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genir.base.errors import AnalysisError, CorpusError
from genir.corpora.identifiers import decoded, encoded
from genir.corpora.user_files import numbered_lines
from genir.files.damage import check_unchanged
from genir.files.io import write_text


def write_run(path: Path, query_ids: Iterable[str], doc_ids: np.ndarray, tag: str) -> None:
    """Write a run out of the best documents of each query, `doc_ids [query, k]`, best first.

    The score is k for the first document and 1 for the last: strictly decreasing, so that no
    evaluation tool reorders ties.
    """
    depth = doc_ids.shape[1]
    lines = (
        f"{encoded(query)} Q0 {encoded(document)} {place} {depth + 1 - place} {tag}\n"
        for query, row in zip(query_ids, doc_ids, strict=True)
        for place, document in enumerate(row, start=1)
    )
    write_text(path, "".join(lines))


def write_qrels(path: Path, qrels: pd.DataFrame) -> None:
    """Write the pairs of `qrels` (query_id, doc_id) with relevance 1."""
    pairs: Iterable[Sequence[str]] = zip(qrels["query_id"], qrels["doc_id"], strict=True)
    lines = (f"{encoded(query)} 0 {encoded(document)} 1\n" for query, document in pairs)
    write_text(path, "".join(lines))


def read_run(path: Path) -> pd.DataFrame:
    """A run as `write_run` writes it: query_id, doc_id, score.

    Raises AnalysisError naming the line if it is no such line: six fields, places from 1 on, scores
    that are finite and decrease, no document twice for a query. Raises CorpusError if the file
    cannot be read, and DamagedFileError as `read_csv`.
    """
    check_unchanged(path)
    places: dict[str, int] = {}
    last: dict[str, float] = {}
    rows: dict[tuple[str, str], float] = {}
    for number, fields in _own_lines(path):
        if len(fields) != 6:
            raise _no_run(path, number, f"{len(fields)} fields, not six")
        query, document, score = fields[0], fields[2], _score(fields[4])
        places[query] = places.get(query, 0) + 1
        if fields[3] != str(places[query]):
            raise _no_run(path, number, f"place {fields[3]!r}, not {places[query]}")
        if not math.isfinite(score) or score >= last.get(query, math.inf):
            raise _no_run(path, number, f"score {fields[4]!r} is no finite number below the last")
        if (query, document) in rows:
            raise _no_run(path, number, f"document {document!r} comes again for query {query!r}")
        rows[query, document], last[query] = score, score
    table = pd.DataFrame(rows.keys(), columns=["query_id", "doc_id"], dtype="str")
    return table.assign(score=list(rows.values()))


def _no_run(path: Path, number: int, reason: str) -> AnalysisError:
    return AnalysisError(
        f"{path}, line {number}: {reason}; write query_id Q0 doc_id place score tag, best document "
        "first, or delete the file and run snakemake again"
    )


def _score(field: str) -> float:
    try:
        return float(field)
    except ValueError:
        return math.nan


def read_qrels(path: Path) -> pd.DataFrame:
    """The relevant pairs of a qrels file as `write_qrels` writes it: query_id, doc_id.

    Raises CorpusError as `relevant_pairs` does, and DamagedFileError as `read_csv`.
    """
    check_unchanged(path)
    pairs = [(query, document) for _, query, document in _relevant(path, _own_lines(path))]
    return pd.DataFrame(pairs, columns=["query_id", "doc_id"], dtype="str")


def relevant_pairs(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, query_id and doc_id of every line of a user's qrels with a relevance above 0.

    Raises CorpusError if the file cannot be read or a line is no qrels line.
    """
    return _relevant(path, ((number, line.split()) for number, line in numbered_lines(path)))


def _own_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of every line of a file of ours, which has no byte-order mark: an id can
    begin with one."""
    for number, line in numbered_lines(path, marked=False):
        try:
            fields = line.split()
            yield number, [decoded(field) for field in fields] if "%" in line else fields
        except UnicodeDecodeError:
            raise CorpusError(
                f"{path}, line {number}: holds a percent sign and two digits that stand for no "
                "character; delete the file and run snakemake again"
            ) from None


def _relevant(path: Path, lines: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, str, str]]:
    for number, fields in lines:
        if len(fields) != 4:
            raise CorpusError(
                f"{path}, line {number}: {len(fields)} fields; "
                "write four: query_id 0 doc_id relevance"
            )
        if _relevance(path, number, fields[3]) > 0:
            yield number, fields[0], fields[2]


def _relevance(path: Path, number: int, field: str) -> int:
    try:
        return int(field)
    except ValueError:
        raise CorpusError(
            f"{path}, line {number}: relevance {field!r} is not a whole number; "
            "write 1 for relevant and 0 for not relevant"
        ) from None
