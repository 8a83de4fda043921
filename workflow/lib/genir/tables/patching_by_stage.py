"""Patching by stage (the study's Table 3)."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd

from genir.components import COMPONENTS, PATCHED_STAGES, stage_patch, table_file
from genir.patching_effects import patching_effects
from genir.tables.markdown import PAPER
from genir.tables.patching import EFFECTS, corrected, effect_cells
from genir.tables.ranks import read_ranks
from genir.tables.stages import layer_range, read_stages

_NAMES = ["model", "method", "stage", "component"]
COLUMNS = [*_NAMES, *EFFECTS, "stage_layers", "stages", "paper"]


@dataclass(frozen=True)
class StageFile:
    """Ranks of `model` with one component patched in all layers of a stage."""

    model: str
    method: str
    stage: str
    component: str
    path: Path


@dataclass(frozen=True)
class StageSweep:
    """All files that patch_stage wrote for one model, named by method, stage and component."""

    model: str
    folder: Path
    methods: list[str]

    def files(self) -> list[StageFile]:
        places = product(self.methods, PATCHED_STAGES, COMPONENTS)
        return [
            StageFile(self.model, *place, self.folder / table_file(stage_patch(*place)))
            for place in places
        ]


def patching_by_stage_table(
    files: list[StageFile],
    clean: dict[str, Path],
    stages: dict[str, Path],
    paper: dict[tuple[str, str, str], float],
    seed: int,
) -> pd.DataFrame:
    """Effects in percent of every stage patch (the stage `all` is the whole decoder), with the
    stage's layers and where they come from; the study's percentages beside the vocabulary rank,
    which they are made of."""
    unmodified = {model: read_ranks(path) for model, path in clean.items()}
    used = {model: read_stages(path) for model, path in stages.items()}
    parts = []
    for file in files:
        effects = patching_effects(unmodified[file.model], read_ranks(file.path), seed)
        names = {name: getattr(file, name) for name in _NAMES}
        names["stage_layers"] = layer_range(used[file.model], file.stage)
        names["stages"] = used[file.model]["status"]
        published = paper.get((file.method, file.stage, file.component), float("nan"))
        of_kind = effects["rank_kind"].map({"vocabulary": published}).astype(float)
        parts.append(effects.assign(**names, paper=of_kind))
    return corrected(pd.concat(parts, ignore_index=True))[COLUMNS]


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Vocabulary ranks, one line per stage patch, with the study's percentages."""
    part = frame[frame["rank_kind"] == "vocabulary"]
    table = part[[*_NAMES, "stage_layers", "stages"]].rename(columns={"stage_layers": "layers"})
    return table.assign(**effect_cells(part), **{f"broken %, {PAPER}": part["paper"]})
