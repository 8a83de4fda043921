"""Which query stands in for which, by method."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from genir.estimates.ranks import read_ranks
from genir.files.io import read_parquet
from genir.tables.page import NO_RANK, Table

FIRST = 5
COLUMNS = "model method query_id doc_id donor_id donor_text donor_doc_id".split()


@dataclass(frozen=True)
class DonorFile:
    """The donors of a model's queries under a method."""

    model: str
    method: str
    path: Path


def make(files: list[DonorFile], clean: dict[str, Path]) -> Table:
    """Tabulate the donor of every validation query; empty cells where it has none.

    Args:
        files: the files that donors wrote, one a model and method.
    """
    parts, lines = [], []
    for file in files:
        names = {"model": file.model, "method": file.method}
        table = read_parquet(file.path)
        parts.append(table.assign(**names))
        ranks = read_ranks(clean[file.model])
        lines.append(names | counts(table, ranks.loc[ranks["vocabulary_rank"] == 1, "query_id"]))
    frame = pd.concat(parts, ignore_index=True)[COLUMNS].fillna("")
    return Table(frame, pd.DataFrame(lines), NO_RANK, "The CSV beside this file names every donor.")


def counts(table: pd.DataFrame, correct: pd.Series) -> dict[str, int | str]:
    """How many queries have a donor, how many of them are correct, and the first ones without."""
    donors = table["donor_doc_id"].notna()
    without = table.loc[~donors, "query_id"]
    of_correct = table["query_id"].isin(correct)
    return {
        "queries": len(table),
        "with a donor": int(donors.sum()),
        "correct queries": int(of_correct.sum()),
        "correct with a donor": int((donors & of_correct).sum()),
        "without": ", ".join(without[:FIRST]) + (", ..." if len(without) > FIRST else ""),
    }
