"""Patching of single layers and components (the study's footnote 4)."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd

from genir.components import COMPONENTS, layer_patch, table_file
from genir.patching_effects import patching_effects
from genir.statistics import holm
from genir.tables.markdown import p_value, with_interval
from genir.tables.ranks import read_ranks

EFFECTS = (
    "rank_kind broken_percent low high n repaired repaired_low repaired_high repaired_n "
    "net_hits_at_1 net_low net_high net_n net_p_holm"
).split()
COLUMNS = ["model", "method", "layer", "component", *EFFECTS, "unchanged"]


@dataclass(frozen=True)
class PatchFile:
    """Ranks of `model` with one component of one layer patched."""

    model: str
    method: str
    layer: int
    component: str
    path: Path


@dataclass(frozen=True)
class Sweep:
    """All files that patch_component wrote for one model, named by method, layer and component."""

    model: str
    folder: Path
    methods: list[str]
    layers: int

    def files(self) -> list[PatchFile]:
        places = product(self.methods, range(self.layers), COMPONENTS)
        return [
            PatchFile(self.model, *place, self.folder / table_file(layer_patch(*place)))
            for place in places
        ]


def patching_table(files: list[PatchFile], clean: dict[str, Path], seed: int) -> pd.DataFrame:
    """Effects in percent of every patch; `clean` holds the unmodified models' ranks."""
    unmodified = {model: read_ranks(path) for model, path in clean.items()}
    parts = []
    for file in files:
        effects = patching_effects(unmodified[file.model], read_ranks(file.path), seed)
        names = {name: getattr(file, name) for name in COLUMNS[:4]}
        parts.append(effects.assign(**names))
    return corrected(pd.concat(parts, ignore_index=True))[COLUMNS]


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
    return {
        "broken %": with_interval(part, "broken_percent"),
        "n": part["n"],
        "repaired %": with_interval(part, "repaired", "repaired_low", "repaired_high"),
        "n repaired": part["repaired_n"],
        "net Hits@1, points": with_interval(part, "net_hits_at_1", "net_low", "net_high"),
        "n net": part["net_n"],
        "p net (Holm)": part["net_p_holm"].map(p_value),
    }
