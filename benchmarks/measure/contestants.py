"""The peers as the benchmark runs them: a copy of the model's modules each, a sample of patches."""

import copy
from collections.abc import Callable, Sequence
from importlib import import_module

import torch
from peers import PEERS, Batch, Peer, Place, load_peer, places
from transformers import T5ForConditionalGeneration

from measure.timing import seconds

SECONDS_PER_MEASUREMENT = 3.0
QUERIES_ONE_BY_ONE = 8
SORTED_HOOKS = "hooks_sorted_by_length"
PAPER_STYLE = "transformer_lens_single"
NO_COPY = "transformer_lens_single_no_copy"
LABELS = {
    "hooks": "Hugging Face hooks, batches of 32",
    SORTED_HOOKS: "Hugging Face hooks, queries sorted by length",
    "hooks_cached": "Hugging Face hooks, encoder once per query",
    "nnsight": "nnsight",
    "pyvene": "pyvene",
    "transformer_lens": "TransformerLens, batches of 32",
    PAPER_STYLE: "TransformerLens, one query at a time (the study's way)",
    NO_COPY: "the same, unembedding not copied at each pass",
}


class Sampled:
    """A peer's rate over a full sweep, from some of its patches: what it does once per sweep (the
    encoder, where it is kept) and what each patch costs are timed apart. Cost does not depend on
    the patch, as every pass runs the whole decoder. The pass for the means is not counted."""

    def __init__(self, peer: Peer, batches: Sequence[Batch], layers: int, methods: int) -> None:
        self.peer, self.batches = peer, batches
        self.queries = sum(map(len, batches))
        every = places(layers)
        self.patches = methods * len(every)
        self.sample = self._sample(every)

    def __call__(self) -> float:
        once = seconds(self._prepare)
        each = max(seconds(lambda: self._sweep(self.sample)) - once, 1e-9) / len(self.sample)
        return self.queries * self.patches / (once + self.patches * each)

    def _sample(self, every: list[Place]) -> list[Place]:
        """As many places, evenly spaced, as are patched in the time for one measurement."""
        taken = seconds(lambda: self._sweep(every[-1:]))
        count = min(len(every), max(1, round(SECONDS_PER_MEASUREMENT / taken)))
        return [every[i * len(every) // count] for i in range(count)]

    @torch.inference_mode()
    def _prepare(self) -> None:
        for batch in self.peer.batches(self.batches):
            self.peer.inputs(batch)

    def _sweep(self, sample: list[Place]) -> None:
        self.peer.sweep(self.batches, sample, ("zero",))


def installed_peers(model: T5ForConditionalGeneration) -> tuple[dict[str, Peer], list[str]]:
    """Every peer that can be imported, set up, and the names of the others."""
    makers: dict[str, Callable[[], type]] = {name: lambda n=name: load_peer(n) for name in PEERS}
    makers[NO_COPY] = lambda: import_module("measure.without_copy").WithoutCopy
    peers, missing = {}, []
    for name, make in makers.items():
        try:
            peers[name] = make()(_twin(model))
        except ModuleNotFoundError:
            missing.append(name)
    return peers, missing


def sampled_rates(
    peers: dict[str, Peer],
    batches: Sequence[Batch],
    by_length: Sequence[Batch],
    layers: int,
    methods: int,
) -> dict[str, Sampled]:
    """A measurement of each peer; those that go query by query are given fewer queries, of the same
    lengths."""
    few = quantiles(by_length, QUERIES_ONE_BY_ONE)
    rates = {
        name: Sampled(peer, few if name in (PAPER_STYLE, NO_COPY) else batches, layers, methods)
        for name, peer in peers.items()
    }
    return rates | {SORTED_HOOKS: Sampled(peers["hooks"], by_length, layers, methods)}


def first_queries(batches: Sequence[Batch], count: int) -> list[Batch]:
    """The first queries of the first batch."""
    batch = batches[0]
    return [Batch(batch.ids[:count], batch.mask[:count], batch.relevant[:count])]


def quantiles(by_length: Sequence[Batch], count: int) -> list[Batch]:
    """Single queries at evenly spaced quantiles of length."""
    singles = [single for batch in by_length for single in batch.singles()]
    return [singles[(2 * i + 1) * len(singles) // (2 * count)] for i in range(count)]


def _twin(model: T5ForConditionalGeneration) -> T5ForConditionalGeneration:
    """New modules with the same parameters: what a peer hangs on its modules slows no other."""
    return copy.deepcopy(model, {id(parameter): parameter for parameter in model.parameters()})
