"""Patching by stage (the study's Table 3)."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from genir.analyses.used_stages import layer_range, read_stages
from genir.base.names import PATCHED_STAGES
from genir.base.patched_files import patch_files
from genir.estimates.donors import read_donors
from genir.estimates.patch_effects import DIFFERENCE_LOST, patching_effects
from genir.estimates.ranks import read_ranks
from genir.tables import published
from genir.tables.page import VOCABULARY_RANK, Table
from genir.tables.patching import EFFECTS, columns_of, corrected, effect_cells

_NAMES = ["model", "method", "stage", "component"]
COLUMNS = [*_NAMES, *EFFECTS, "stage_layers", "stages", "paper", *DIFFERENCE_LOST]


@dataclass(frozen=True)
class StageSweep:
    """The folder that patch_stage wrote for one model, and its methods; the folder of the donors,
    where a method takes them."""

    model: str
    folder: Path
    methods: list[str]
    donors: Path | None = None


def make(
    sweeps: list[StageSweep],
    clean: dict[str, Path],
    stages: dict[str, Path],
    paper_patching: Path,
    seed: int,
) -> Table:
    """Tabulate patching by stage, beside the study's values.

    Effects in percent of every stage patch (the stage `all` is the whole decoder), with the stage's
    layers and where they come from; the study's percentages beside the vocabulary rank, which they
    are made of.

    Args:
        sweeps: the folders that patch_stage wrote, one a model.
        paper_patching: resources/paper/table3_stage_patching.csv.
    """
    paper, parts = published.patching_by_stage(paper_patching), []
    for sweep in sweeps:
        unmodified, used = read_ranks(clean[sweep.model]), read_stages(stages[sweep.model])
        for patch, path in patch_files(sweep.folder, sweep.methods, PATCHED_STAGES).items():
            donors = read_donors(sweep.donors, patch[0])
            effects = patching_effects(unmodified, read_ranks(path), seed, donors)
            names = dict(zip(_NAMES, (sweep.model, *patch), strict=True))
            names |= {"stage_layers": layer_range(used, patch[1]), "stages": used["status"]}
            of_kind = {"vocabulary": paper.get(patch, float("nan"))}
            beside = effects["rank_kind"].map(of_kind).astype(float)
            parts.append(effects.assign(**names, paper=beside))
    frame = corrected(pd.concat(parts, ignore_index=True))[columns_of(COLUMNS, sweeps)]
    return Table(frame, shown(frame), VOCABULARY_RANK)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Vocabulary ranks, one line per stage patch, with the study's percentages."""
    part = frame[frame["rank_kind"] == "vocabulary"]
    table = part[[*_NAMES, "stage_layers", "stages"]].rename(columns={"stage_layers": "layers"})
    return table.assign(**effect_cells(part), **{f"broken %, {published.LABEL}": part["paper"]})
