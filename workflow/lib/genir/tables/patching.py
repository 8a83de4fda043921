"""Patching of single layers and components (the study's footnote 4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genir.base.patched_files import patch_files
from genir.estimates.donors import MOVED, read_donors
from genir.estimates.paired_tests import holm
from genir.estimates.patch_effects import DIFFERENCE_LOST, patching_effects
from genir.estimates.ranks import read_ranks
from genir.tables.page import VOCABULARY_RANK, Table, p_value, with_interval

EFFECTS = (
    "rank_kind broken_percent low high n repaired repaired_low repaired_high repaired_n "
    "net_hits_at_1 net_low net_high net_n net_p_holm"
).split()
COLUMNS = ["model", "method", "layer", "component", *EFFECTS, "unchanged", *DIFFERENCE_LOST]


@dataclass(frozen=True)
class Sweep:
    """The folder that a rule of patches wrote for one model, its methods and decoder layers, and
    the folder of the donors, where a method takes them."""

    model: str
    folder: Path
    methods: list[str]
    layers: int
    donors: Path | None = None


def make(sweeps: list[Sweep], clean: dict[str, Path], seed: int) -> Table:
    """Tabulate patching of single layers and components, in percent.

    Args:
        sweeps: the folders that patch_component wrote, one a model.
    """
    parts = []
    for sweep in sweeps:
        unmodified = read_ranks(clean[sweep.model])
        files = patch_files(sweep.folder, sweep.methods, range(sweep.layers))
        for patch, path in files.items():
            names = dict(zip(COLUMNS, (sweep.model, *patch), strict=False))
            donors = read_donors(sweep.donors, patch[0])
            effects = patching_effects(unmodified, read_ranks(path), seed, donors)
            parts.append(effects.assign(**names))
    frame = corrected(pd.concat(parts, ignore_index=True))[columns_of(COLUMNS, sweeps)]
    return Table(frame, shown(frame), VOCABULARY_RANK)


def columns_of(columns: list[str], sweeps: Iterable[Any]) -> list[str]:
    """`columns`, and those of donors where a sweep has some."""
    return columns + list(MOVED) * any(sweep.donors is not None for sweep in sweeps)


def corrected(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of `patching_effects` with the p value of the net change Holm-corrected over them
    all."""
    return frame.assign(net_p_holm=holm(frame["net_p"]))


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Vocabulary ranks, one line per patch."""
    part = frame[frame["rank_kind"] == "vocabulary"]
    table = part[["model", "method", "layer", "component"]].copy()
    return table.assign(**effect_cells(part), unchanged=part["unchanged"])


def effect_cells(part: pd.DataFrame) -> dict[str, pd.Series]:
    """The columns of effects as they are shown, each with its n."""
    moved = (
        {
            "moved to donor": with_interval(part, *MOVED[:3]),
            "n moved": part[MOVED[3]],
        }
        if MOVED[0] in part
        else {}
    )
    return {
        "broken %": with_interval(part, "broken_percent"),
        "n": part["n"],
        "repaired %": with_interval(part, "repaired", "repaired_low", "repaired_high"),
        "n repaired": part["repaired_n"],
        "net Hits@1, points": with_interval(part, "net_hits_at_1", "net_low", "net_high"),
        "n net": part["net_n"],
        "p net (Holm)": part["net_p_holm"].map(p_value),
        "logit difference lost": with_interval(part, *DIFFERENCE_LOST[:3]),
        "n difference": part["logit_difference_lost_n"],
    } | moved
