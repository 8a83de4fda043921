"""What the heads of a model do on single queries: the largest part of a page, so that many queries
are sampled."""

from pathlib import Path

import numpy as np
import pandas as pd

from genir.base.names import ATTENTIONS
from genir.files.io import read_parquet
from genir.models.token_names import load_token_names
from genir.pages import places
from genir.pages.cubes import Patched, cube
from genir.pages.inside import SIGNED, SIGNED_COLUMNS, SIGNED_SCALE
from genir.pages.packing import Pack
from genir.pages.places import Explored
from genir.pages.words import LOGIT_SCALE

KEPT_VALUES = 8_000_000
"""Numbers of heads in a page, at most."""


def head_details(
    results: Path, folder: Path, documents: pd.DataFrame, model: Explored, queries: pd.Index
) -> tuple[str | None, int]:
    """The packed columns of heads, and of how many queries they are left out.

    word `[layer, head, position, query]`: the best tokens of a cross-attention head's output, as
    places in the list of `words`. headRank, headLost `[method, layer, attention, head,
    query]`, as of `inside`. headSigned `[layer, attention, head, query]`: what a head adds to the
    logit difference. kept `[query]`: places among the kept queries, which are every k-th.
    """
    path = places.top_tokens(results, model.name)
    if not path.is_file():
        return None, 0
    frame = read_parquet(path)
    heads, positions = (int(frame[name].max()) + least for name, least in _LAST.items())
    patches = 2 * len(model.head_methods) * len(ATTENTIONS)
    by_query = model.layers * heads * (positions + patches + len(ATTENTIONS))
    kept = sample(len(queries), KEPT_VALUES // by_query)
    axes = [("layer", range(model.layers)), ("head", range(heads))]
    axes += [("position", range(1, positions + 1))]
    tokens = cube(frame, queries, axes, "token_id", path)[..., kept]
    known = np.unique(tokens[np.isfinite(tokens)]).astype(int)
    name = load_token_names(folder, documents)
    pack = Pack(heads=heads, words=[name(int(token)) for token in known])
    numbered = np.searchsorted(known, np.nan_to_num(tokens)).astype(float)
    pack.add("word", np.where(np.isfinite(tokens), numbered, np.nan))
    number = np.full(len(queries), np.nan)
    number[kept] = np.arange(len(kept))
    pack.add("kept", number)
    _add_patches(pack, results, model, queries, heads, kept)
    _add_signed(
        pack, places.of_one(results, "signed_contributions", model.name), axes[:2], queries, kept
    )
    return pack.text(), len(queries) - len(kept)


_LAST = {"head": 1, "position": 0}


def sample(queries: int, most: int) -> np.ndarray:
    """The numbers of at most `most` queries, evenly spread."""
    if queries <= most:
        return np.arange(queries)
    return np.arange(most) * queries // most


def _add_patches(
    pack: Pack, results: Path, model: Explored, queries: pd.Index, heads: int, kept: np.ndarray
) -> None:
    files = places.head_patches(results, model).values()
    shape = (len(model.head_methods), model.layers, len(ATTENTIONS), heads, len(kept))
    effects = Patched(results, model.name, queries)
    parts = [[a[..., kept] for a in effects.read(path, heads)] for path in files]
    if parts:
        ranks, lost = (np.stack(part).reshape(shape) for part in zip(*parts, strict=True))
        pack.add("headRank", ranks)
        pack.add("headLost", lost, LOGIT_SCALE)


def _add_signed(
    pack: Pack, path: Path, axes: list[tuple[str, range]], queries: pd.Index, kept: np.ndarray
) -> None:
    if path.is_file():
        frame = read_parquet(path, columns=SIGNED_COLUMNS)
        layers, heads = axes
        places = [layers, ("component", ATTENTIONS), heads]
        found = cube(frame, queries, places, SIGNED, path)
        pack.add("headSigned", found[..., kept], SIGNED_SCALE)


def layers_of(contributions: Path) -> int:
    """The decoder layers of a model, by its contributions."""
    return int(read_parquet(contributions, columns=["layer"])["layer"].max()) + 1
