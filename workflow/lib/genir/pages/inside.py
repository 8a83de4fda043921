"""What happens inside a model on its validation queries, by layer and component."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from genir.base.errors import AnalysisError
from genir.base.names import COMPONENTS, EMBEDDING, PATCHED_STAGES
from genir.files.io import read_parquet
from genir.pages import places
from genir.pages.cubes import Patched, cube
from genir.pages.packing import Pack
from genir.pages.places import Explored
from genir.pages.words import LOGIT_SCALE, add_words

LENS = ("residual", "cross_attention", "mlp")
ALONE = COMPONENTS
SIGNED = "logit_difference"
SIGNED_COLUMNS = ["query_id", "layer", "component", "head", SIGNED]
SIGNED_SCALE = 1000
"""Shares of a logit difference are kept to 0.001."""
NEAR = 0.01
"""By what a sum of shares may miss its logit difference, and by that part of it more."""


def inside(results: Path, model: Explored, queries: pd.Index) -> str:
    """The packed columns of a model: `[..., query]` each, none where nothing was measured.

    lensRank, lensDocid `[layer, source]`: ranks of the relevant document under the logit lens.
    ratio, cosine `[layer, component]`: of `contributions`. alone `[component]`: vocabulary rank
    by the outputs of one kind of component. signedStart, signed `[layer, component]`: what the
    start token's embedding and every component add to the logit difference. patchRank, patchLost
    `[method, layer, component]` and stageRank, stageLost `[method, stage, component]`: see
    `Patched.read`. Words: see `add_words`.
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
    path = places.of_one(results, "signed_contributions", model.name)
    effects = Patched(results, model.name, queries)
    _add_signed(pack, path, layers, effects)
    shape = (len(model.methods), model.layers, len(COMPONENTS), len(queries))
    _add(pack, "patch", effects, places.patches(results, model).values(), shape)
    shape = (len(model.methods), len(PATCHED_STAGES), len(COMPONENTS), len(queries))
    _add(pack, "stage", effects, places.stage_patches(results, model).values(), shape)
    add_words(pack, places.of_one(results, "query_words", model.name), effects)
    return pack.text()


def _add_signed(pack: Pack, path: Path, layers: range, effects: Patched) -> None:
    """Nothing where there is no such file. Raises AnalysisError if what a query's components add is
    not its logit difference."""
    if not path.is_file():
        return
    frame = read_parquet(path, columns=SIGNED_COLUMNS)
    whole = frame[frame["head"] < 0]
    axes = [("layer", layers), ("component", COMPONENTS)]
    start = cube(whole, effects.queries, [("component", [EMBEDDING])], SIGNED, path)[0]
    added = cube(whole, effects.queries, axes, SIGNED, path)
    off = np.abs(start + added.sum((0, 1)) - effects.clean)
    if (odd := np.flatnonzero(off > NEAR * (1 + np.abs(effects.clean)))).size:
        raise AnalysisError(
            f"{path} adds up to another logit difference of query {effects.queries[odd[0]]!r} than "
            "evaluate found; it is of another model: delete it and run snakemake again"
        )
    pack.add("signedStart", start, SIGNED_SCALE)
    pack.add("signed", added, SIGNED_SCALE)


def _add(
    pack: Pack, name: str, effects: Patched, files: Iterable[Path], shape: tuple[int, ...]
) -> None:
    found = [effects.read(path) for path in files]
    if found:
        ranks, lost = (np.stack(part).reshape(shape) for part in zip(*found, strict=True))
        pack.add(f"{name}Rank", ranks)
        pack.add(f"{name}Lost", lost, LOGIT_SCALE)
