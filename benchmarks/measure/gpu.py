"""Engine against hooks on a GPU, through the code that the workflow runs there."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import torch
from check_peers import METHODS, out_of_bounds, rank_bounds
from peers import Batch, places
from peers.hooks import Hooks
from shapes import SHAPES, random_batches, random_model

from genir.analyses.patching import patch_means, patched_ranks, single_patches
from genir.base.progress import LOGGER
from genir.engine.devices import Precision, best_device
from genir.subjects.blocks import Limits
from measure.contest import BATCH_SIZE, CHECKED_QUERIES, QUERIES
from measure.contestants import Sampled, first_queries
from measure.machine import MIB
from measure.subjects import subject_of
from measure.timing import in_turn, rate, ratio, say

MEMORY_MB = 16000


def gpu_report(names: Sequence[str], rounds: int) -> dict[str, Any] | None:
    """Rates and ratios of every shape, or None where no GPU is found."""
    if not torch.cuda.is_available():
        say("no GPU found")
        return None
    device = best_device()
    return {
        "device": torch.cuda.get_device_name(),
        "shapes": {name: engine_and_hooks(name, rounds, device) for name in names},
    }


def engine_and_hooks(name: str, rounds: int, device: torch.device) -> dict[str, Any]:
    """Ratio and rates on `device`, after a check of the engine's ranks."""
    LOGGER.setLevel(logging.ERROR)
    shape = SHAPES[name]
    model = random_model(shape).to(device)
    batches = [batch.to(device) for batch in random_batches(shape, QUERIES[name], BATCH_SIZE)]
    sweep = Sweep(model, batches, shape.documents)
    hooks = Hooks(model)
    _check(Sweep(model, first_queries(batches, CHECKED_QUERIES), shape.documents), hooks)
    sweep()
    contestants = {
        "engine": rate(sweep, sum(map(len, batches)) * len(sweep.patches)),
        "hooks": Sampled(hooks, batches, shape.layers, len(METHODS)),
    }
    rates = in_turn(contestants, rounds, f"{name} on {device.type}")
    peaks = {"engine": peak_of(sweep, device), "hooks": peak_of(contestants["hooks"], device)}
    return {
        "ratio_to_batched_hooks": ratio(rates["engine"], rates["hooks"]),
        "patched_queries_per_second": {who: median(found) for who, found in rates.items()},
        "peak_memory_mib": peaks,
        "queries": sum(map(len, batches)),
        "patches": len(sweep.patches),
    }


def peak_of(work: Callable[[], object], device: torch.device) -> float | None:
    """The most memory of the card that tensors take during `work`, in MiB; None on a CPU."""
    if device.type != "cuda":
        return None
    torch.cuda.reset_peak_memory_stats()
    work()
    return torch.cuda.max_memory_allocated() / MIB


class Sweep:
    """Every component of every layer, by zero and by mean; calling it gives the ranks."""

    def __init__(
        self,
        model: torch.nn.Module,
        batches: Sequence[Batch],
        documents: int,
        precision: Precision = "float32",
    ) -> None:
        self.batches = batches
        subject = subject_of(model, batches, documents, MEMORY_MB)
        self.subject = replace(subject, limits=Limits(MEMORY_MB, precision))
        self.patches = single_patches(range(self.layers), METHODS)

    @property
    def layers(self) -> int:
        return self.subject.model.architecture.decoder_layers

    def __call__(self) -> dict[str, torch.Tensor]:
        subject = self.subject.over(self.subject.queries)
        correct = np.ones(len(subject.queries), dtype=bool)
        means = patch_means(subject, correct, self.patches)
        tables = patched_ranks(subject, means, None, self.patches)
        return {
            name: torch.from_numpy(table["vocabulary_rank"].to_numpy(copy=True))
            for name, table in tables.items()
        }


def _check(sweep: Sweep, hooks: Hooks) -> None:
    """Raises SystemExit if the engine ranks otherwise than hooks."""
    every = places(sweep.layers)
    some = [every[0], every[len(every) // 2], every[-1]]
    bounds = rank_bounds(hooks, sweep.batches, some, METHODS)
    on_cpu = {name: (low.cpu(), high.cpu()) for name, (low, high) in bounds.items()}
    if wrong := out_of_bounds(sweep(), on_cpu):
        raise SystemExit(f"the engine ranks otherwise than plain hooks under {', '.join(wrong)}")
