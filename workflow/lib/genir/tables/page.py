"""Tables as Markdown, under a line that says what they are of: corpus, release, split mode,
rank kind."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genir.base.errors import AnalysisError
from genir.files.io import read_json, write_csv, write_text

VOCABULARY_RANK = (
    "rank kind: vocabulary (among all tokens); the CSV beside this file also holds the docid rank"
)
MIXED_RANKS = "rank kind: vocabulary (among all tokens) unless a row says docid"
NO_RANK = "rank kind: none, nothing here is a rank"
_KEYS = ("corpus", "release", "split_mode")


@dataclass(frozen=True)
class Table:
    """All `rows`, for programs; what is `shown` of them to people, as rows or as Markdown; and, for
    the first line of that, the kind of `ranks` they are of and a note."""

    rows: pd.DataFrame
    shown: pd.DataFrame | str
    ranks: str
    note: str = ""


def write_table(
    frame: pd.DataFrame, shown: pd.DataFrame | str, first_line: str, table: Path, text: Path
) -> None:
    """Write `frame` to the CSV `table` and what is `shown` of it to the Markdown `text`."""
    write_csv(table, frame)
    page = shown if isinstance(shown, str) else to_markdown(shown)
    write_text(text, f"{first_line}\n\n{page}")


def sections(parts: dict[str, pd.DataFrame]) -> str:
    """Title -> rows, each under a heading."""
    return "\n".join(f"### {title}\n\n{to_markdown(rows)}" for title, rows in parts.items())


def to_markdown(frame: pd.DataFrame) -> str:
    """A Markdown table; floats get three significant digits, missing values stay empty."""
    names = [str(name) for name in frame.columns]
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def with_interval(
    frame: pd.DataFrame, value: str = "value", low: str = "low", high: str = "high"
) -> pd.Series:
    """Each row as "0.62 [0.57, 0.66]"; the value alone where there is no interval."""
    columns = zip(frame[value], frame[low], frame[high], strict=True)
    return pd.Series([_interval(*row) for row in columns], index=frame.index, dtype=str)


def p_value(p: float | None) -> str:
    """ "0.012", "< 0.001", or nothing where there is no test."""
    if pd.isna(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def wide(frame: pd.DataFrame, rows: list[str], column: str) -> pd.DataFrame:
    """One line per combination of `rows`, one cell with interval per value of `column`; orders
    are those of first appearance."""
    lines: dict[tuple[Any, ...], dict[str, str]] = {}
    keys = frame[rows].itertuples(index=False, name=None)
    for key, name, cell in zip(keys, frame[column], with_interval(frame), strict=True):
        lines.setdefault(key, {})[name] = cell
    records = [dict(zip(rows, key, strict=True)) | cells for key, cells in lines.items()]
    return pd.DataFrame(records, columns=[*rows, *dict.fromkeys(frame[column])])


def _interval(value: float, low: float, high: float) -> str:
    shown = _cell(value)
    return shown if pd.isna(low) else f"{shown} [{_cell(low)}, {_cell(high)}]"


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return _number(value)
    return " ".join(str(value).replace("|", r"\|").splitlines())


def _number(value: float) -> str:
    if value == 0:
        return "0"
    digits = min(6, max(0, 2 - math.floor(math.log10(abs(value)))))
    return f"{value:.{digits}f}"


def dataset_facts(manifest: Path) -> dict[str, Any]:
    """Corpus, release, dataset and split mode from a dataset's manifest.json, whose folder bears
    the dataset's name.

    Raises AnalysisError if the manifest leaves one of them out.
    """
    content = read_json(manifest)
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise AnalysisError(f"{manifest} lacks {', '.join(missing)}; run the rule subset_corpus")
    return {"dataset": Path(manifest).parent.name} | {key: content[key] for key in _KEYS}


def heading(manifests: list[Path], rank_kind: str) -> str:
    """The first line of a table in Markdown."""
    facts = [dataset_facts(path) for path in manifests]
    facts = [fact | {"release": fact["release"] or "not known"} for fact in facts]
    datasets = [
        "dataset {dataset} of corpus {corpus} (release {release}), split mode: {split_mode}".format(
            **fact
        )
        for fact in facts
    ]
    return f"{'; '.join(datasets)}; {rank_kind}."
