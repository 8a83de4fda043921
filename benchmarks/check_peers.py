"""Every peer's ranks must be those of plain hooks: nobody is timed on a wrong result."""

from collections.abc import Sequence

import torch
from peers import PEERS, Batch, Method, Place, load_peer, patch_name, places
from peers.hooks import Hooks
from shapes import SHAPES, random_batches, random_model

TOLERANCE = 1e-4
METHODS: tuple[Method, ...] = ("zero", "mean")


@torch.inference_mode()
def rank_bounds(
    hooks: Hooks, batches: Sequence[Batch], places: Sequence[Place], methods: Sequence[Method]
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Lowest and highest rank `[query]` of every patch if logits may be off by TOLERANCE."""
    inputs = [hooks.inputs(batch) for batch in batches]
    bounds = {}
    for method in methods:
        for place, value in hooks.values(method, inputs, places).items():
            parts = [
                _bounds(hooks.patched_logits(given, place, value), batch.relevant)
                for given, batch in zip(inputs, batches, strict=True)
            ]
            lowest, highest = zip(*parts, strict=True)
            bounds[patch_name(method, place)] = (torch.cat(lowest), torch.cat(highest))
    return bounds


def _bounds(logits: torch.Tensor, relevant: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    gold = logits.gather(1, relevant[:, None])
    return 1 + (logits > gold + TOLERANCE).sum(1), (logits >= gold - TOLERANCE).sum(1)


def out_of_bounds(
    ranks: dict[str, torch.Tensor], bounds: dict[str, tuple[torch.Tensor, torch.Tensor]]
) -> list[str]:
    """Patches under which some query's rank is not within its bounds, or that are missing."""
    return [
        name
        for name, (lowest, highest) in bounds.items()
        if name not in ranks or not ((lowest <= ranks[name]) & (ranks[name] <= highest)).all()
    ]


def main() -> None:
    torch.set_num_threads(1)
    shape = SHAPES["tiny"]
    model = random_model(shape)
    batches, every = random_batches(shape, queries=7, batch_size=3), places(shape.layers)
    bounds = rank_bounds(Hooks(model), batches, every, METHODS)
    for name in PEERS:
        try:
            peer = load_peer(name)
        except ModuleNotFoundError as error:
            print(f"{name}: left out, {error.name} is not installed")
            continue
        wrong = out_of_bounds(peer(model).sweep(batches, every, METHODS), bounds)
        if wrong:
            raise SystemExit(f"{name} ranks otherwise than plain hooks under {', '.join(wrong)}")
        print(f"{name}: {len(bounds)} patches as plain hooks")


if __name__ == "__main__":
    main()
