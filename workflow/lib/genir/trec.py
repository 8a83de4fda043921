"""TREC run and qrels files."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genir.damaged import check_unchanged
from genir.errors import CorpusError
from genir.files import write_text
from genir.user_files import numbered_lines


def write_run(path: Path, query_ids: Iterable[str], doc_ids: np.ndarray, tag: str) -> None:
    """Write a run out of the best documents of each query, `doc_ids [query, k]`, best first.

    The score is k for the first document and 1 for the last: strictly decreasing, so that no
    evaluation tool reorders ties.
    """
    depth = doc_ids.shape[1]
    lines = (
        f"{query} Q0 {document} {place} {depth + 1 - place} {tag}\n"
        for query, row in zip(query_ids, doc_ids, strict=True)
        for place, document in enumerate(row, start=1)
    )
    write_text(path, "".join(lines))


def write_qrels(path: Path, qrels: pd.DataFrame) -> None:
    """Write the pairs of `qrels` (query_id, doc_id) with relevance 1."""
    pairs: Iterable[Sequence[str]] = zip(qrels["query_id"], qrels["doc_id"], strict=True)
    write_text(path, "".join(f"{query} 0 {document} 1\n" for query, document in pairs))


def read_qrels(path: Path) -> pd.DataFrame:
    """The relevant pairs of a qrels file: query_id, doc_id.

    Raises CorpusError as `relevant_pairs` does, and DamagedFileError as `read_csv`.
    """
    check_unchanged(path)
    pairs = [(query, document) for _, query, document in relevant_pairs(path)]
    return pd.DataFrame(pairs, columns=["query_id", "doc_id"], dtype="str")


def relevant_pairs(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, query_id and doc_id of every line with a relevance above 0.

    Raises CorpusError if the file cannot be read or a line is no qrels line.
    """
    for number, line in numbered_lines(path):
        fields = line.split()
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
