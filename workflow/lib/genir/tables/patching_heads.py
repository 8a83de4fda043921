"""Patching of single attention heads."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd

from genir.components import ATTENTIONS, layer_patch, table_file
from genir.files import read_parquet
from genir.patching_effects import patching_effects
from genir.tables.patching import EFFECTS, corrected, effect_cells
from genir.tables.ranks import read_ranks

_NAMES = ["model", "method", "layer", "component", "head"]
COLUMNS = [*_NAMES, *EFFECTS, "unchanged"]


@dataclass(frozen=True)
class HeadSweep:
    """All files that patch_head wrote for one model, named by method, layer and component."""

    model: str
    folder: Path
    methods: list[str]
    layers: int

    def files(self) -> dict[tuple[str, int, str], Path]:
        """(method, layer, component) -> path."""
        return {
            place: self.folder / table_file(layer_patch(*place))
            for place in product(self.methods, range(self.layers), ATTENTIONS)
        }


def patching_heads_table(
    sweeps: list[HeadSweep], clean: dict[str, Path], seed: int
) -> pd.DataFrame:
    """Effects in percent of every head on its own; `clean` holds the unmodified models' ranks."""
    parts = []
    for sweep in sweeps:
        unmodified = read_ranks(clean[sweep.model])
        for (method, layer, component), path in sweep.files().items():
            names = {"model": sweep.model, "method": method, "layer": layer, "component": component}
            parts += [
                patching_effects(unmodified, ranks, seed).assign(**names, head=head)
                for head, ranks in read_parquet(path).groupby("head")
            ]
    return corrected(pd.concat(parts, ignore_index=True))[COLUMNS]


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Vocabulary ranks, one line per head."""
    part = frame[frame["rank_kind"] == "vocabulary"]
    return part[_NAMES].assign(**effect_cells(part), unchanged=part["unchanged"])
