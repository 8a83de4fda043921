"""Relevance judgements in files of the user's: TREC qrels, MS MARCO's and BEIR's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genir.base.errors import CorpusError
from genir.corpora.text_tables import fields_of
from genir.corpora.user_files import numbered_lines

_BEIR_HEADER = ["query-id", "corpus-id", "score"]
_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")
_FORM = "query_id 0 doc_id relevance"


@dataclass(frozen=True)
class Judgement:
    """One line of a file; what has a relevance above 0 is relevant."""

    place: str
    query_id: str
    doc_id: str
    relevance: int


def read_judgements(path: Path) -> Iterator[Judgement]:
    """The judgements of a TREC qrels file, its fields separated by white space or by tabs alone
    (MS MARCO), or of a BEIR file: a first line `query-id corpus-id score`, three fields in a line.

    Ids are text as it stands. Raises CorpusError naming file and line of the first that is none.
    """
    form, names = _FORM, 4
    for number, line in numbered_lines(path):
        fields = _fields(path, number, line, names)
        if fields == _BEIR_HEADER and form == _FORM:
            form, names = "query-id corpus-id score, with tabs between them", 3
            continue
        if len(fields) != names:
            wanted = "four" if names == 4 else "three"
            raise CorpusError(
                f"{path}, line {number}: {len(fields)} fields; write {wanted}: {form}"
            )
        query_id, doc_id, relevance = fields[0], fields[-2], fields[-1]
        if not query_id.strip() or not doc_id.strip():
            raise CorpusError(f"{path}, line {number}: an id is empty; write {form}")
        place = f"{path}, line {number}"
        yield Judgement(place, query_id, doc_id, _relevance(place, relevance))


def _fields(path: Path, number: int, line: str, names: int) -> list[str]:
    """Tabs separate fields where they make as many as there should be: ids may hold spaces then."""
    by_tab = fields_of(path, number, line)
    return by_tab if len(by_tab) in (3, names) else line.split()


def _relevance(place: str, field: str) -> int:
    if not _WHOLE_NUMBER.fullmatch(field):
        raise CorpusError(
            f"{place}: relevance {field[:40]!r} is not a whole number; "
            "write 1 for relevant and 0 for not relevant"
        )
    return int(field)
