"""Joining results by id, where every id must be found: one that is not would drop out of a mean."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from genir.base.errors import AnalysisError


def check_known(ids: Iterable[Any], known: Iterable[Any], where: Path | str) -> None:
    """Raises AnalysisError, naming `where`, unless every one of `ids` is among `known`."""
    asked = list(dict.fromkeys(ids))
    missing = pd.Index(asked, dtype=object).difference(pd.Index(known, dtype=object), sort=False)
    if len(missing):
        raise AnalysisError(
            f"{where} lacks {missing[0]!r}, {len(missing)} of {len(asked)} that are asked for; "
            "what is read was not made from the same files: delete it and run snakemake again"
        )


def looked_up(keys: pd.Series, values: Mapping[Any, Any], where: Path | str) -> pd.Series:
    """The value of every key, in the order of `keys`.

    Raises AnalysisError, naming `where`, if a key has no value, or a Series has one key twice.
    """
    check_known(keys, values.keys(), where)
    if isinstance(values, pd.Series) and not values.index.is_unique:
        twice = values.index[values.index.duplicated()][0]
        raise AnalysisError(f"{where} has {twice!r} twice; delete it and run snakemake again")
    return keys.map(values)
