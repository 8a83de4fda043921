"""Stages of the decoder, found by rule in the contribution ratios of its layers."""

from collections.abc import Mapping, Sequence
from itertools import pairwise, permutations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd

from genir.base.errors import AnalysisError
from genir.base.joins import check_known
from genir.base.names import COMPONENTS, STAGES
from genir.base.seeding import generator

STAGE_PATTERN = ["mlp", "cross_attention", "mlp"]
MOST_SEGMENTS = 4
SIGNIFICANCE = 0.05
SHUFFLES = 2_000
EXACT_LAYERS = 8
LEAST_VARIANCE = 1e-12


def mean_ratios(contributions: pd.DataFrame, query_ids: pd.Series) -> np.ndarray:
    """Mean contribution ratio `[layer, component]` over `query_ids`, components in
    COMPONENTS.

    Raises AnalysisError if one of these queries has no contribution, or one that is no number.
    """
    chosen = contributions[contributions["query_id"].isin(query_ids)]
    if chosen.empty:
        raise AnalysisError(
            "no correct query has a contribution, so there are no stages to look for; "
            "train the model longer, or analyse one that answers some validation query"
        )
    check_known(query_ids, contributions["query_id"], "the file of contributions")
    if chosen["ratio"].isna().any():
        query = chosen.loc[chosen["ratio"].isna(), "query_id"].iloc[0]
        raise AnalysisError(f"a contribution of query {query!r} is not a number; leave it out")
    means = chosen.pivot_table(index="layer", columns="component", values="ratio", aggfunc="mean")
    return means[list(COMPONENTS)].to_numpy()


def detect_stages(ratios: np.ndarray, seed: int) -> dict[str, Any]:
    """Segments of the layers of `ratios` `[layer, component]` and whether they are the three
    stages of the study; JSON-ready.

    segments: first and last layer of each segment, chosen by BIC among 1 to 4 (`bic`, keyed by
    number of segments; a segment per layer is not tried). dominant: the component with the largest
    mean ratio in each. three_segments, three_dominant: the same of the best split into three. p:
    how often shuffled layers are split into three segments at least as well, see `shuffle_p`.
    supported: three segments, p < 0.05, MLP then cross-attention then MLP.

    BIC decides cautiously on few layers: with eight of them, noise and three true segments it takes
    four in about two cases of five.

    Raises AnalysisError if there are fewer than three layers or a ratio is not finite.
    """
    ratios = _checked(ratios)
    scores = bic(ratios)
    best = min(scores, key=scores.__getitem__)
    segments, three = (segment(ratios, count) for count in (best, len(STAGES)))
    p = shuffle_p(ratios, seed)
    dominant, three_dominant = (_dominant(ratios, split) for split in (segments, three))
    return {
        "segments": segments,
        "bic": {str(count): score for count, score in scores.items()},
        "p": p,
        "dominant": dominant,
        "three_segments": three,
        "three_dominant": three_dominant,
        "supported": dominant == STAGE_PATTERN and p < SIGNIFICANCE,
    }


def bic(ratios: np.ndarray) -> dict[int, float]:
    """BIC of the best split into 1 to 4 segments: N ln(error / N) + 4 k ln N.

    N = 3 layers is the number of ratios, error the squared distance to the segment means, and 4 k
    the parameters of k segments: 3 k means, k - 1 boundaries and a variance (Schwarz 1978; Yao
    1988). The error is taken as at least 1e-12 of that of one segment, so that a perfect fit has a
    score.
    """
    counts = range(1, min(MOST_SEGMENTS, len(ratios) - 1) + 1)
    errors = _split(_segment_errors(ratios[None]), counts[-1])[0][:, 0]
    floor = max(LEAST_VARIANCE * errors[0], np.finfo(float).tiny)
    numbers = ratios.size
    return {
        count: float(numbers * np.log(max(error, floor) / numbers) + 4 * count * np.log(numbers))
        for count, error in zip(counts, errors, strict=True)
    }


def segment(ratios: np.ndarray, count: int) -> list[list[int]]:
    """First and last layer of each of the `count` segments with the least squared error."""
    _, begins = _split(_segment_errors(ratios[None]), count)
    ends = [len(ratios)]
    for begin in reversed(begins):
        ends.append(int(begin[0, ends[-1]]))
    return [[first, end - 1] for first, end in pairwise([0, *reversed(ends)])]


def shuffle_p(ratios: np.ndarray, seed: int) -> float:
    """Share of layer orders that three segments fit at least as well as the given order.

    The gain over one segment is compared; one segment fits every order alike, so comparing the
    errors of three does it. All orders up to 8 layers, the given one among them; else 2,000 random
    ones with one added to both counts. Orders within a segment do not matter, so few layers cannot
    reach a small p: it is at least 0.014 for 2 + 4 + 2 layers and 0.107 for 1 + 6 + 1.
    """
    layers = len(ratios)
    exact = layers <= EXACT_LAYERS
    orders = _all_orders(layers) if exact else _random_orders(layers, seed)
    given, shuffled = (_three_segments(ratios[rows]) for rows in (np.arange(layers)[None], orders))
    tolerance = 1e-9 * float(((ratios - ratios.mean(0)) ** 2).sum())
    fitting = int((shuffled <= given + tolerance).sum())
    return fitting / len(orders) if exact else (fitting + 1) / (len(orders) + 1)


def dominant_component(ratios: np.ndarray) -> str:
    """The component with the largest mean ratio in `ratios` `[layer, component]`."""
    return COMPONENTS[int(ratios.mean(0).argmax())]


def _dominant(ratios: np.ndarray, segments: list[list[int]]) -> list[str]:
    return [dominant_component(ratios[first : last + 1]) for first, last in segments]


def stages_record(
    contributions: pd.DataFrame,
    query_ids: pd.Series,
    configured: Mapping[str, list[int]] | None,
    seed: int,
) -> dict[str, Any]:
    """What is detected in the contributions to `query_ids`, and which stages analyses use: the
    configured ones, or else T5-large's, scaled by depth; JSON-ready.

    status: supported if they are what is detected, else imposed. `seed` is that of the shuffled
    layer orders.
    """
    ratios = mean_ratios(contributions, query_ids)
    detected = detect_stages(ratios, seed)
    used = configured or default_stages(len(ratios))
    supported = detected["supported"] and detected["segments"] == [used[name] for name in STAGES]
    return {
        "detected": detected,
        "used": used,
        "status": "supported" if supported else "imposed",
        "n": len(query_ids),
        "mean_ratio": dict(zip(COMPONENTS, ratios.T.tolist(), strict=True)),
    }


def patched_stages(stages: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, int]]:
    """First and last layer of every stage and, as `all`, of the decoder."""
    whole = {"all": (stages[STAGES[0]][0], stages[STAGES[-1]][1])}
    return {stage: (stages[stage][0], stages[stage][1]) for stage in STAGES} | whole


def default_stages(layers: int) -> dict[str, list[int]]:
    """First and last layer of the three stages: the study's 0-6, 7-17, 18-23 of T5-large's 24
    layers, scaled by depth.

    Raises AnalysisError below three layers.
    """
    if layers < len(STAGES):
        raise AnalysisError(
            f"a decoder of {layers} layers has no three stages; use one with at least three"
        )
    second, third = (_round_half_up(begin * layers, 24) for begin in (7, 18))
    return {"I": [0, second - 1], "II": [second, third - 1], "III": [third, layers - 1]}


def _checked(ratios: np.ndarray) -> np.ndarray:
    ratios = np.asarray(ratios, dtype=float)
    if ratios.ndim != 2 or ratios.shape[1] != len(COMPONENTS) or len(ratios) < len(STAGES):
        raise AnalysisError(
            f"contribution ratios of shape {ratios.shape} cannot be split into stages; "
            "give three components for each of at least three layers"
        )
    if not np.isfinite(ratios).all():
        layer, column = np.argwhere(~np.isfinite(ratios))[0]
        raise AnalysisError(
            f"the mean contribution ratio of {COMPONENTS[column]} in layer {layer} is not "
            "finite; leave out queries whose residual stream that layer does not change"
        )
    return ratios


def _segment_errors(ratios: np.ndarray) -> np.ndarray:
    """Squared error `[order, begin, end]` of the layers begin..end-1 of `ratios` `[order, layer,
    component]` around their mean; infinite for empty segments."""
    orders, layers, _ = ratios.shape
    centred = ratios - ratios.mean(1, keepdims=True)
    errors = np.full((orders, layers + 1, layers + 1), np.inf)
    for begin in range(layers):
        tail = centred[:, begin:]
        sums, squares = tail.cumsum(1), (tail**2).sum(-1).cumsum(1)
        around_mean = squares - (sums**2).sum(-1) / np.arange(1, layers - begin + 1)
        errors[:, begin, begin + 1 :] = np.maximum(around_mean, 0)
    return errors


def _split(errors: np.ndarray, count: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Exact dynamic programming over segment ends (Bellman 1961): least errors `[segments, order]`
    of all layers in 1..`count` segments, and where the last of 2..`count` segments begins for each
    end, `[order, end]`."""
    least, begins = [errors[:, 0]], []
    for _ in range(1, count):
        totals = least[-1][:, :, None] + errors
        begins.append(totals.argmin(1))
        least.append(totals.min(1))
    return np.stack(least)[:, :, -1], begins


def _three_segments(ratios: np.ndarray) -> np.ndarray:
    return _split(_segment_errors(ratios), len(STAGES))[0][-1]


def _all_orders(layers: int) -> np.ndarray:
    count = factorial(layers) * layers
    flat = (layer for order in permutations(range(layers)) for layer in order)
    return np.fromiter(flat, dtype=np.int64, count=count).reshape(-1, layers)


def _random_orders(layers: int, seed: int) -> np.ndarray:
    orders = np.tile(np.arange(layers), (SHUFFLES, 1))
    return generator(seed, "layer orders").permuted(orders, axis=1)


def _round_half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
