"""CSV in which text stays text: which columns hold numbers is said here, by name, and not guessed
from what is in them. An id can look like a number, like true or like a missing value."""

import csv
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = frozenset(
    "value low high n p p_holm tau seed paper ours layer source_layer reader_layer head top "
    "base_rate set step steps seconds exact_seconds seeds "
    "loss indexing_loss retrieval_loss learning_rate docid_learning_rate active components "
    "broken_percent repaired repaired_low repaired_high repaired_n "
    "net_hits_at_1 net_low net_high net_n net_p_holm "
    "logit_difference_lost logit_difference_lost_low "
    "logit_difference_lost_high logit_difference_lost_n "
    "moved_to_donor moved_to_donor_low moved_to_donor_high moved_to_donor_n "
    "percent_not_first mean_rank mean_rank_low mean_rank_high query_low query_high "
    "with_mask with_mask_low with_mask_high with_mask_n "
    "as_released as_released_low as_released_high as_released_n padded_tokens "
    "largest_difference tolerance scale".split()
)
"""Columns of our tables that hold numbers; an empty cell is NaN there."""
FLAGS = frozenset({"unchanged"})
"""Columns of our tables that hold True or False."""
_WHOLE = re.compile(r"-?[0-9]+")


def read(path: Path | str, numbers: Collection[str] = NUMBERS) -> "pd.DataFrame":
    """A table: whole or floating-point numbers in the columns called as in `numbers`, bool in
    FLAGS, text as it stands, an empty one too, in all others.

    Raises ValueError that names the row if a line has too few or too many cells, or a cell that
    should be a number is none.
    """
    import pandas as pd

    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, strict=True))
    if not rows or len(set(rows[0])) != len(rows[0]):
        raise ValueError("its first line does not give every column a name of its own")
    names, *lines = rows
    for number, line in enumerate(lines, start=1):
        if len(line) != len(names):
            raise ValueError(f"row {number} has {len(line)} cells, there are {len(names)} columns")
    cells = zip(*lines, strict=True) if lines else [()] * len(names)
    columns = zip(names, cells, strict=True)
    return pd.DataFrame({name: _column(name, own, numbers) for name, own in columns})


def quoting(frame: "pd.DataFrame") -> Literal[0, 2]:
    """What a table must have in quotes so that `read` gives it back: all of its text if that holds
    a carriage return, which would end the line, else what needs them."""
    text = frame.select_dtypes(exclude=["number", "bool"])
    returns = any(text[name].astype("str").str.contains("\r").any() for name in text)
    return csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL


def _column(name: str, cells: tuple[str, ...], numbers: Collection[str]) -> "pd.Series":
    import pandas as pd

    if name in numbers:
        if cells and all(map(_WHOLE.fullmatch, cells)):
            return pd.Series(list(map(int, cells)))
        return pd.Series([_number(name, *cell) for cell in enumerate(cells, start=1)], dtype=float)
    if name in FLAGS and set(cells) <= {"True", "False"}:
        return pd.Series([cell == "True" for cell in cells], dtype=bool)
    return pd.Series(cells, dtype="str")


def _number(name: str, row: int, cell: str) -> float:
    if not cell:
        return math.nan
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise ValueError(f"row {row}: {name} {cell!r} is not a number")
    return number
