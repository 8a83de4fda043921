"""Three stages of the decoder, found by a rule in the contribution ratios of its layers.

Two questions, each with a null hypothesis of its own. *How many segments?* Null: the layers are k
segments and scatter around their means like one normal distribution. *Is the order no accident?*
Null: the same layers could stand in any other order. What both catch, how often, and from which
depth on is simulated in docs/stages.md.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise, permutations
from math import factorial
from typing import Any

import numpy as np

from genir.base.errors import AnalysisError
from genir.base.names import COMPONENTS, STAGES
from genir.base.seeding import generator

STAGE_PATTERN = ["mlp", "cross_attention", "mlp"]
MOST_SEGMENTS = 4
SIGNIFICANCE = 0.05
DRAWS = 2_000
EXACT_LAYERS = 8
LEAST_VARIANCE = 1e-12


def detect_stages(ratios: np.ndarray, seed: int, draws: int = DRAWS) -> dict[str, Any]:
    """Segments of the layers of `ratios` `[layer, component]` and whether their order can be an
    accident; JSON-ready.

    segments: first and last layer of each segment, as many as are needed: the smallest number in 1
    to 4 (a segment per layer is not tried) that is not rejected. p_more, keyed by number of
    segments, up to the one that is taken: see `p_more`. dominant: the component with the largest
    mean ratio in each. three_segments, three_dominant: the same of the best split into three.
    p_order: see `p_order`.

    Raises AnalysisError if there are fewer than three layers or a ratio is not finite.
    """
    ratios = _checked(ratios)
    count, rejected = needed_segments(ratios, seed, draws)
    segments, three = (segment(ratios, number) for number in (count, len(STAGES)))
    return {
        "segments": segments,
        "p_more": {str(number): p for number, p in rejected.items()},
        "dominant": dominant(ratios, segments),
        "three_segments": three,
        "three_dominant": dominant(ratios, three),
        "p_order": p_order(ratios, seed, draws),
    }


def is_three_stages(detected: dict[str, Any]) -> bool:
    """Whether what `detect_stages` found are three segments, led by MLP, cross-attention and MLP,
    and p_order < 0.05."""
    return detected["dominant"] == STAGE_PATTERN and is_significant(detected["p_order"])


def is_significant(p: float) -> bool:
    """Whether p < 0.05."""
    return p < SIGNIFICANCE


def needed_segments(
    ratios: np.ndarray, seed: int, draws: int = DRAWS
) -> tuple[int, dict[int, float]]:
    """The smallest number of segments that is not rejected, and `p_more` of those that were
    tried."""
    most, found = min(MOST_SEGMENTS, len(ratios) - 1), {}
    for count in range(1, most):
        more = min(max(len(STAGES), count + 1), most)
        found[count] = p_more(ratios, count, more, seed, draws)
        if found[count] >= SIGNIFICANCE:
            return count, found
    return most, found


def p_more(ratios: np.ndarray, count: int, most: int, seed: int, draws: int = DRAWS) -> float:
    """How often `count` segments with normal scatter lack as much of the fit of `most` segments.

    The lack is log(error of `count` / error of `most`), error being the least squared distance to
    the segment means. The scatter has the covariance of the residuals, and the drawn layers have
    the segments and means of the given ones: a parametric bootstrap, with one added to both counts.
    Numbers are tried from 1 upwards, each at 5 %, so the true one is exceeded in about 5 % of
    cases whatever it is.
    """
    fitted = _fitted(ratios, segment(ratios, count))
    # Standard normals times these rows have the covariance of the residuals.
    _, sizes, axes = np.linalg.svd(ratios - fitted, full_matrices=False)
    spread = sizes[:, None] * axes / np.sqrt(len(ratios) - count)
    random = generator(seed, "scatter of layers", count)
    drawn = fitted + random.normal(size=(draws, len(ratios), len(sizes))) @ spread
    given, others = (_lack(some, count, most) for some in (ratios[None], drawn))
    return (int((others >= given - 1e-9).sum()) + 1) / (draws + 1)


def p_order(ratios: np.ndarray, seed: int, draws: int = DRAWS) -> float:
    """Share of layer orders that three segments led by MLP, cross-attention and MLP fit at least as
    well as the given order; 1 if no split of it is led so.

    All orders up to 8 layers, the given one among them; else random ones with one added to both
    counts. It assumes nothing of how layers scatter. Orders within a segment do not matter, nor
    does that of the whole, so it is at least 2 / (L (L - 1)) for 1 + (L - 2) + 1 of L layers: below
    0.05 from seven layers on.
    """
    layers = len(ratios)
    given = _study_error(ratios[None])
    if not np.isfinite(given).all():
        return 1.0
    exact = layers <= EXACT_LAYERS
    orders = _all_orders(layers) if exact else _random_orders(layers, seed, draws)
    tolerance = 1e-9 * float(((ratios - ratios.mean(0)) ** 2).sum())
    fitting = int((_study_error(ratios[orders]) <= given + tolerance).sum())
    return fitting / len(orders) if exact else (fitting + 1) / (len(orders) + 1)


def segment(ratios: np.ndarray, count: int) -> list[list[int]]:
    """First and last layer of each of the `count` segments with the least squared error."""
    _, begins = _split(_segment_errors(ratios[None]), count)
    ends = [len(ratios)]
    for begin in reversed(begins):
        ends.append(int(begin[0, ends[-1]]))
    return [[first, end - 1] for first, end in pairwise([0, *reversed(ends)])]


def dominant_component(ratios: np.ndarray) -> str:
    """The component with the largest mean ratio in `ratios` `[layer, component]`."""
    return COMPONENTS[int(ratios.mean(0).argmax())]


def dominant(ratios: np.ndarray, segments: Sequence[Sequence[int]]) -> list[str]:
    """The dominant component of each of the segments."""
    return [dominant_component(ratios[first : last + 1]) for first, last in segments]


def _fitted(ratios: np.ndarray, segments: Sequence[Sequence[int]]) -> np.ndarray:
    """The mean of its segment for every layer, `[layer, component]`."""
    means = [ratios[first : last + 1].mean(0) for first, last in segments]
    return np.repeat(means, [last - first + 1 for first, last in segments], axis=0)


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


def _lack(ratios: np.ndarray, count: int, most: int) -> np.ndarray:
    """log(error of `count` segments / error of `most`) `[order]` of `ratios` `[order, layer,
    component]`; errors are taken as at least 1e-12 of that of one segment."""
    errors = _split(_segment_errors(ratios), most)[0]
    floor = np.maximum(LEAST_VARIANCE * errors[0], np.finfo(float).tiny)
    return np.log(np.maximum(errors[count - 1], floor) / np.maximum(errors[most - 1], floor))


def _study_error(ratios: np.ndarray) -> np.ndarray:
    """Least error `[order]` of three segments of `ratios` `[order, layer, component]` that are led
    as the study's stages are; infinite if none are."""
    errors, leaders = _segment_errors(ratios), _leaders(ratios)
    first, second, third = (
        np.where(leaders == COMPONENTS.index(name), errors, np.inf) for name in STAGE_PATTERN
    )
    two = (first[:, 0, :, None] + second).min(1)
    return (two + third[:, :, -1]).min(1)


def _leaders(ratios: np.ndarray) -> np.ndarray:
    """Number of the component with the largest sum over the layers begin..end-1 `[order, begin,
    end]`; -1 for empty segments."""
    orders, layers, _ = ratios.shape
    leaders = np.full((orders, layers + 1, layers + 1), -1)
    for begin in range(layers):
        leaders[:, begin, begin + 1 :] = ratios[:, begin:].cumsum(1).argmax(-1)
    return leaders


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


@cache
def _all_orders(layers: int) -> np.ndarray:
    """All orders of the layers, one of each and its reverse, which are fitted alike."""
    count = factorial(layers) * layers
    flat = (layer for order in permutations(range(layers)) for layer in order)
    orders = np.fromiter(flat, dtype=np.int64, count=count).reshape(-1, layers)
    return orders[orders[:, 0] < orders[:, -1]]


def _random_orders(layers: int, seed: int, draws: int) -> np.ndarray:
    orders = np.tile(np.arange(layers), (draws, 1))
    return generator(seed, "layer orders").permuted(orders, axis=1)
