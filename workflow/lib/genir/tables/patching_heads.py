"""Patching of single attention heads."""

from pathlib import Path

import pandas as pd

from genir.base.names import ATTENTIONS
from genir.base.patched_files import patch_files
from genir.estimates.donors import read_donors
from genir.estimates.patch_effects import DIFFERENCE_LOST, patching_effects
from genir.estimates.ranks import read_ranks
from genir.files.io import read_parquet
from genir.tables.page import VOCABULARY_RANK, Table
from genir.tables.patching import EFFECTS, Sweep, columns_of, corrected, effect_cells

_NAMES = ["model", "method", "layer", "component", "head"]
COLUMNS = [*_NAMES, *EFFECTS, "unchanged", *DIFFERENCE_LOST]


def make(sweeps: list[Sweep], clean: dict[str, Path], seed: int) -> Table:
    """Tabulate patching of single attention heads, in percent.

    Args:
        sweeps: the folders that patch_head wrote, one a model.
    """
    parts = []
    for sweep in sweeps:
        unmodified = read_ranks(clean[sweep.model])
        files = patch_files(sweep.folder, sweep.methods, range(sweep.layers), ATTENTIONS)
        for patch, path in files.items():
            names = dict(zip(_NAMES, (sweep.model, *patch), strict=False))
            donors = read_donors(sweep.donors, patch[0])
            parts += [
                patching_effects(unmodified, ranks, seed, donors).assign(**names, head=head)
                for head, ranks in read_parquet(path).groupby("head")
            ]
    frame = corrected(pd.concat(parts, ignore_index=True))[columns_of(COLUMNS, sweeps)]
    return Table(frame, shown(frame), VOCABULARY_RANK)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Vocabulary ranks, one line per head."""
    part = frame[frame["rank_kind"] == "vocabulary"]
    return part[_NAMES].assign(**effect_cells(part), unchanged=part["unchanged"])
