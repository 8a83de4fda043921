"""Engine against peers on one shape."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from check_peers import METHODS, out_of_bounds, rank_bounds
from peers import Batch, Peer, Place, places
from peers.hooks import Hooks
from peers.lean import Lean
from shapes import SHAPES, random_batches, random_model

from measure.contestants import (
    PAPER_STYLE,
    SORTED_HOOKS,
    first_queries,
    installed_peers,
    sampled_rates,
)
from measure.products import replay_of
from measure.timing import in_turn, rate, ratio, say

BATCH_SIZE = 32
CHECKED_QUERIES = 4
QUERIES = {"t5-small-33k": 128, "t5-base-33k": 64, "t5-base-132k": 64, "tiny": 8}
ENGINE, PRODUCTS = "engine", "matrix_products"


@dataclass(frozen=True)
class Contest:
    """Rates of everybody per round, the number of patched queries and operations of a sweep, and
    peers that are not installed."""

    rates: dict[str, list[float]]
    patched_queries: int
    operations: int
    missing: list[str]

    @property
    def ratios(self) -> dict[str, dict[str, float]]:
        engine = self.rates[ENGINE]
        others = [name for name in self.rates if name not in (ENGINE, PRODUCTS)]
        return {name: ratio(engine, self.rates[name]) for name in others}

    @property
    def share_of_products(self) -> dict[str, float]:
        return ratio(self.rates[ENGINE], self.rates[PRODUCTS])

    @property
    def gflops_of_products(self) -> float:
        """Operations per second, in 10^9, of the products alone."""
        best = max(self.rates[PRODUCTS])
        return self.operations / self.patched_queries * best / 1e9


def contest(name: str, rounds: int) -> Contest:
    """Checks everybody's ranks, warms everybody up, and times `rounds` rounds."""
    gc.collect()  # the peers of the shape before refer to themselves
    shape, queries = SHAPES[name], QUERIES[name]
    model, every = random_model(shape), places(shape.layers)
    batches = random_batches(shape, queries, BATCH_SIZE)
    by_length = random_batches(shape, queries, BATCH_SIZE, by_length=True)
    engine = Lean(model, shape.documents)
    peers, missing = installed_peers(model)
    for peer in missing:
        say(f"{peer} is not installed and left out")
    check(Hooks(model), {ENGINE: engine, **peers}, first_queries(batches, CHECKED_QUERIES), every)
    say(f"{name}: all ranks are those of plain hooks")

    def sweep() -> dict[str, torch.Tensor]:
        return engine.sweep(batches, every, METHODS)

    products = replay_of(engine, sweep)
    products()
    patched_queries = queries * len(every) * len(METHODS)
    contestants = {
        ENGINE: rate(sweep, patched_queries),
        PRODUCTS: rate(products, patched_queries),
        **sampled_rates(peers, batches, by_length, shape.layers, len(METHODS)),
    }
    say(f"{name}: everybody is warm")
    rates = in_turn(contestants, rounds, name)
    return Contest(rates, patched_queries, products.operations, missing)


def check(
    hooks: Hooks, checked: dict[str, Lean | Peer], batches: Sequence[Batch], every: list[Place]
) -> None:
    """Raises SystemExit if somebody ranks otherwise than plain hooks in a few patches."""
    some = [every[0], every[len(every) // 2], every[-1]]
    bounds = rank_bounds(hooks, batches, some, METHODS)
    for name, peer in checked.items():
        if wrong := out_of_bounds(peer.sweep(batches, some, METHODS), bounds):
            raise SystemExit(f"{name} ranks otherwise than plain hooks under {', '.join(wrong)}")


def contest_report(contests: dict[str, Contest]) -> dict[str, Any]:
    """The figures of all shapes as engine.json has them; plain keys are those of the first."""
    first = next(iter(contests.values()))
    ratios = {name: found.ratios for name, found in contests.items()}
    medians = {
        name: {peer: of["median"] for peer, of in found.items()} for name, found in ratios.items()
    }
    headline = next(iter(medians.values()))
    shares = {name: found.share_of_products for name, found in contests.items()}
    return {
        "ratio_to_batched_hooks": {name: found["hooks"] for name, found in medians.items()},
        "ratio_to_hooks_sorted_by_length": {
            name: found[SORTED_HOOKS] for name, found in medians.items()
        },
        "ratio_to_paper_style": headline.get(PAPER_STYLE),
        "ratio_to_paper_style_by_shape": {
            name: found.get(PAPER_STYLE) for name, found in medians.items()
        },
        "share_of_gemm_time": first.share_of_products["median"],
        "share_of_gemm_time_by_shape": shares,
        "matrix_product_gflops": {name: c.gflops_of_products for name, c in contests.items()},
        "ratios": headline,
        "ratios_by_shape": ratios,
        "patched_queries_per_second": {
            name: {who: median(rates) for who, rates in found.rates.items()}
            for name, found in contests.items()
        },
        "queries": {name: QUERIES[name] for name in contests},
        "missing_peers": first.missing,
    }
