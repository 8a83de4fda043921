"""What happens inside a model on its validation queries, by layer and component."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from genir.base.names import COMPONENTS, PATCHED_STAGES
from genir.files.io import read_parquet
from genir.pages import places
from genir.pages.cubes import Patched, cube
from genir.pages.packing import Pack
from genir.pages.places import Explored

LENS = ("residual", "cross_attention", "mlp")
ALONE = COMPONENTS
LOGIT_SCALE = 100
"""Logits after patches are kept to 0.01."""


def inside(results: Path, model: Explored, queries: pd.Index) -> str:
    """The packed columns of a model: `[..., query]` each, none where nothing was measured.

    lensRank, lensDocid `[layer, source]`: ranks of the relevant document under the logit lens.
    ratio, cosine `[layer, component]`: of `contributions`. alone `[component]`: vocabulary rank
    by the outputs of one kind of component. patchRank, patchLost `[method, layer, component]`
    and stageRank, stageLost `[method, stage, component]`: see `Patched.read`.
    """
    layers, pack = range(model.layers), Pack()
    path = places.of_one(results, "rank_development", model.name)
    frame, axes = read_parquet(path), [("layer", layers), ("source", LENS)]
    pack.add("lensRank", cube(frame, queries, axes, "vocabulary_rank", path))
    pack.add("lensDocid", cube(frame, queries, axes, "docid_rank", path))
    path = places.of_one(results, "contributions", model.name)
    frame, axes = read_parquet(path), [("layer", layers), ("component", COMPONENTS)]
    pack.add("ratio", cube(frame, queries, axes, "ratio", path), 1000)
    pack.add("cosine", cube(frame, queries, axes, "cosine_output", path), 1000)
    path = places.of_one(results, "direct_contribution", model.name)
    kinds = [("source", ALONE)]
    pack.add("alone", cube(read_parquet(path), queries, kinds, "vocabulary_rank", path))
    effects = Patched(results, model.name, queries)
    shape = (len(model.methods), model.layers, len(COMPONENTS), len(queries))
    _add(pack, "patch", effects, places.patches(results, model).values(), shape)
    shape = (len(model.methods), len(PATCHED_STAGES), len(COMPONENTS), len(queries))
    _add(pack, "stage", effects, places.stage_patches(results, model).values(), shape)
    return pack.text()


def _add(
    pack: Pack, name: str, effects: Patched, files: Iterable[Path], shape: tuple[int, ...]
) -> None:
    found = [effects.read(path) for path in files]
    if found:
        ranks, lost = (np.stack(part).reshape(shape) for part in zip(*found, strict=True))
        pack.add(f"{name}Rank", ranks)
        pack.add(f"{name}Lost", lost, LOGIT_SCALE)
