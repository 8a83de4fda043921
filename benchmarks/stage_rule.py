"""How often the rule for stages finds three of them: where there are none, and where there are.

Layers are drawn, no model takes part. Every decoder has a random stream of its own.
"""

import argparse
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow/lib"))

from genir.analyses.stage_rule import (  # noqa: E402
    STAGE_PATTERN,
    dominant,
    is_significant,
    needed_segments,
    p_order,
    segment,
)
from genir.base.progress import configure_logging  # noqa: E402
from genir.base.seeding import generator  # noqa: E402
from genir.estimates.intervals import wilson  # noqa: E402
from genir.files.io import write_csv  # noqa: E402

DEPTHS = (6, 7, 8, 10, 12, 16, 24)
DRAWS = 199
# Mean ratios of self-attention, cross-attention and MLP: a layer that its MLP leads, one that
# cross-attention leads, and the middle of both. A step from one to the other is 0.3 either way.
MLP, CROSS = np.array([0.1, 0.35, 0.65]), np.array([0.1, 0.65, 0.35])
MIDDLE = (MLP + CROSS) / 2
STEP = 0.3
# Layers in which the MLP writes more are layers in which cross-attention has the smaller share.
TOGETHER = np.array([[0.1, 0, 0], [0, 1, -0.7], [0, -0.7, 1]])

Random = np.random.Generator


@dataclass(frozen=True)
class Truth:
    """How layers are drawn: `levels` gives their means `[layer, component]` for a depth; the
    scatter has a standard deviation of 1 / `step` of a step between levels. `segments`: how many
    there truly are, if that is a number; `stages`: whether they are the study's three; `apart`:
    components scatter independently, and alike."""

    levels: Callable[[Random, int], np.ndarray]
    step: float
    segments: int | None = 1
    stages: bool = False
    scatter: Callable[[Random, int], np.ndarray] = lambda random, layers: random.normal(
        size=(layers, 3)
    )
    apart: bool = False

    def draw(self, random: Random, layers: int) -> np.ndarray:
        """Ratios `[layer, component]`."""
        covariance = np.eye(len(TOGETHER)) if self.apart else TOGETHER
        noise = self.scatter(random, layers) @ np.linalg.cholesky(covariance).T
        return self.levels(random, layers) + STEP / self.step * noise


def flat(random: Random, layers: int) -> np.ndarray:
    return np.tile(MIDDLE, (layers, 1))


def heavy(random: Random, layers: int) -> np.ndarray:
    """Student's t of 3 degrees of freedom, with a standard deviation of 1."""
    return random.standard_t(3, size=(layers, 3)) / np.sqrt(3)


def neighbours(correlation: float) -> Callable[[Random, int], np.ndarray]:
    """Each layer is like the one before it: autoregressive of order 1."""

    def scatter(random: Random, layers: int) -> np.ndarray:
        fresh = random.normal(size=(layers, 3))
        rows = [fresh[0]]
        for row in fresh[1:]:
            rows.append(correlation * rows[-1] + np.sqrt(1 - correlation**2) * row)
        return np.array(rows)

    return scatter


def halves(first: np.ndarray, second: np.ndarray) -> Callable[[Random, int], np.ndarray]:
    return lambda random, layers: np.repeat(
        [first, second], [layers // 2, layers - layers // 2], axis=0
    )


def weakly(level: np.ndarray) -> np.ndarray:
    return MIDDLE + (level - MIDDLE) / 4


def any_order(random: Random, layers: int) -> np.ndarray:
    return np.where(random.random(layers)[:, None] < 0.5, MLP, CROSS)


def odd_ones(level: np.ndarray, other: np.ndarray, odd: int) -> Callable[..., np.ndarray]:
    """Layers of one kind but for `odd` that stand anywhere."""

    def levels(random: Random, layers: int) -> np.ndarray:
        rows = np.tile(level, (layers, 1))
        rows[random.choice(layers, odd, replace=False)] = other
        return rows

    return levels


def trend(random: Random, layers: int) -> np.ndarray:
    return np.linspace(MLP, CROSS, layers)


def bend(random: Random, layers: int) -> np.ndarray:
    """Down and up again without a step."""
    course = np.cos(2 * np.pi * np.arange(layers) / (layers - 1))[:, None]
    return MIDDLE + (MLP - MIDDLE) * course


def four(random: Random, layers: int) -> np.ndarray:
    return np.array([MLP, CROSS, MLP, CROSS])[np.arange(layers) * 4 // layers]


def scaled_stages(random: Random, layers: int) -> np.ndarray:
    """The study's 7 + 11 + 6 layers, scaled by depth."""
    outer = [max(1, round(layers * part / 24)) for part in (7, 6)]
    return np.repeat([MLP, CROSS, MLP], [outer[0], layers - sum(outer), outer[1]], axis=0)


def outer_layers(random: Random, layers: int) -> np.ndarray:
    return np.repeat([MLP, CROSS, MLP], [1, layers - 2, 1], axis=0)


TRUTHS = {
    "no stages, normal": Truth(flat, 3),
    "no stages, components scatter alike and apart": Truth(flat, 3, apart=True),
    "no stages, heavy tails": Truth(flat, 3, scatter=heavy),
    "two kinds of layers in any order": Truth(any_order, 6),
    "one layer led by cross-attention anywhere": Truth(odd_ones(MLP, CROSS, 1), 6),
    "two layers led by MLPs anywhere": Truth(odd_ones(CROSS, MLP, 2), 6),
    "two segments, MLP first": Truth(halves(MLP, CROSS), 3, 2),
    "two segments, cross-attention first": Truth(halves(CROSS, MLP), 3, 2),
    "two segments, nearly alike": Truth(halves(weakly(MLP), weakly(CROSS)), 3, 2),
    "two segments, heavy tails": Truth(halves(MLP, CROSS), 3, 2, scatter=heavy),
    "trend": Truth(trend, 3, None),
    "four segments": Truth(four, 6, 4),
    "neighbours alike, 0.5": Truth(flat, 3, None, scatter=neighbours(0.5)),
    "neighbours alike, 0.8": Truth(flat, 3, None, scatter=neighbours(0.8)),
    "bend": Truth(bend, 3, None),
} | {
    f"{name}, {step} sd": Truth(levels, step, 3, stages=True)
    for name, levels in (("three stages", scaled_stages), ("1 + rest + 1", outer_layers))
    for step in (3, 4.5, 6)
}


def simulated(name: str, layers: int, n: int, seed: int, draws: int) -> dict[str, object]:
    """How often of `n` drawn decoders three stages are found, and more segments than there are."""
    truth, found, counts = TRUTHS[name], 0, []
    for number in range(n):
        ratios = truth.draw(generator(seed, name, layers, number), layers)
        count, _ = needed_segments(ratios, number, draws)
        counts.append(count)
        led = count == len(STAGE_PATTERN) and dominant(ratios, segment(ratios, count))
        found += led == STAGE_PATTERN and is_significant(p_order(ratios, number, draws))
    row = {"truth": name, "stages": truth.stages, "layers": layers, "sd": truth.step, "n": n}
    more = wilson(sum(count > truth.segments for count in counts), n) if truth.segments else None
    for column, share in (("found", wilson(found, n)), ("more_segments", more or wilson(0, 0))):
        bounds = {"": share.value, "_low": share.low, "_high": share.high}
        row |= {f"{column}{bound}": round(value, 4) for bound, value in bounds.items()}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--n", type=int, default=600, help="decoders of each truth and depth, a third with stages"
    )
    parser.add_argument("--depths", type=int, nargs="+", default=DEPTHS)
    parser.add_argument("--draws", type=int, default=DRAWS, help="of each test; a job takes 2,000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results/stage_rule.csv"
    )
    given = parser.parse_args()
    configure_logging()
    rows = []
    for name in TRUTHS:
        for layers in given.depths:
            n = given.n // 3 if TRUTHS[name].stages else given.n
            rows.append(simulated(name, layers, n, given.seed, given.draws))
            logging.getLogger("genir").info("%s, %d layers: %s", name, layers, rows[-1]["found"])
        write_csv(given.out, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
