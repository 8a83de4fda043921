"""In which order components enter a circuit that grows from none of them to all."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from genir.analyses.circuit import FIXED, replacements
from genir.base.names import COMPONENTS, Component
from genir.base.seeding import generator

Node = tuple[int, Component]
"""A component of a layer."""

RANDOM_ORDERS = 20
ALL_ORDERS = ""
"""The order of the circuits of none and of all components, which no order changes."""


def nodes(layers: int) -> list[Node]:
    """All components of a decoder, in the order of the run."""
    return [(layer, component) for layer in range(layers) for component in COMPONENTS]


def by_effect(effects: Mapping[Node, float]) -> list[Node]:
    """The largest effect first; equal ones in the order of `effects`."""
    return sorted(effects, key=lambda node: -effects[node])


def kept_first(kept: Collection[Node], order: Sequence[Node]) -> list[Node]:
    """The nodes `kept` before all others, both parts in `order`."""
    return sorted(order, key=lambda node: node not in kept)


def of_study(order: Sequence[Node], stages: Mapping[str, tuple[int, int]]) -> list[Node]:
    """The components that the study's circuit keeps before all others, both parts in `order`."""
    return kept_first(set(order) - replacements(FIXED["study"], stages).keys(), order)


def random_orders(order: Sequence[Node], seed: int) -> dict[str, list[Node]]:
    """Twenty uniform draws, called random00 to random19."""
    random = generator(seed, "circuit_curve")
    return {
        f"random{number:02d}": [order[i] for i in random.permutation(len(order))]
        for number in range(RANDOM_ORDERS)
    }


def logit_difference(ranks: pd.DataFrame) -> np.ndarray:
    """Logit of the relevant document minus that of the best other one, `[query]`."""
    return (ranks["relevant_logit"] - ranks["other_logit"]).to_numpy()
