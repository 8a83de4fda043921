"""A user's file of donors: for some queries the query whose outputs are put in."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genir.base.errors import CorpusError
from genir.corpora.user_files import numbered_lines
from genir.corpora.user_json import JsonError, parse_json

_KEYS = ("query_id", "donor", "donor_text")


@dataclass(frozen=True)
class DonorPair:
    """The donor of a query: another query's id, or a text. `place` is file and line."""

    place: str
    query_id: str
    donor: str = ""
    donor_text: str = ""


def read_donor_pairs(path: Path) -> list[DonorPair]:
    """Pairs of CSV (.csv, its first line names the columns) or JSON Lines (.jsonl): `query_id`, and
    `donor` (the id of another query) or `donor_text`.

    Raises CorpusError naming file and line: other columns, no donor or two, a query that has two
    lines, a query that is its own donor.
    """
    pairs: dict[str, DonorPair] = {}
    for place, values in _entries(path):
        pair = _pair(place, values)
        if pair.query_id in pairs:
            raise CorpusError(
                f"{place}: query {pair.query_id!r} has a donor in {pairs[pair.query_id].place} "
                "already; keep one of the two"
            )
        pairs[pair.query_id] = pair
    if not pairs:
        raise CorpusError(f"{path} holds no pair; write a line for each query below the header")
    return list(pairs.values())


def _pair(place: str, values: dict[str, Any]) -> DonorPair:
    if unknown := [key for key in values if key not in _KEYS]:
        raise CorpusError(f"{place}: {unknown[0]!r} is not one of {', '.join(_KEYS)}; rename it")
    for key, value in values.items():
        if value is not None and not isinstance(value, str):
            raise CorpusError(f"{place}: {key} is no text; write it in quotes")
    query, donor, text = (values.get(key) or "" for key in _KEYS)
    if not query:
        raise CorpusError(f"{place}: no query_id; write the id of a validation query")
    if bool(donor) == bool(text.strip()):
        found = "both donor and donor_text" if donor else "neither donor nor donor_text"
        raise CorpusError(f"{place}: {found}; write one of them")
    if donor == query:
        raise CorpusError(
            f"{place}: query {query!r} is its own donor, which changes nothing; write another"
        )
    return DonorPair(place, query, donor, text)


def _entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and values of each entry."""
    if path.suffix == ".csv":
        yield from _csv(path)
    elif path.suffix == ".jsonl":
        yield from _json_lines(path)
    else:
        raise CorpusError(f"{path} is of no known kind; write a file that ends in .csv or .jsonl")


def _csv(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = csv.reader((line for _, line in numbered_lines(path)), strict=True)
    try:
        names = next(rows)
        if len(set(names)) < len(names):
            raise CorpusError(f"{path}: two columns have one name; rename one in the first line")
        for number, row in enumerate(rows, start=1):
            if len(row) != len(names):
                raise CorpusError(
                    f"{path}, row {number}: {len(row)} cells, the first line names {len(names)} "
                    "columns; write as many (a text with a comma needs quotes)"
                )
            yield f"{path}, row {number}", dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise CorpusError(f"{path} is no CSV ({error}); correct its quotes") from None


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in numbered_lines(path):
        place = f"{path}, line {number}"
        try:
            values = parse_json(line)
        except JsonError as error:
            raise CorpusError(f"{place}: not JSON ({error}); write one object per line") from None
        if not isinstance(values, dict):
            raise CorpusError(f'{place}: not an object; write {{"query_id": "...", ...}}')
        yield place, values
