"""What training parts of a model saves: seconds a step, and memory.

Seconds are the processor's, of one thread: what else the machine does counts less.
A shape is fine-tuned for a few steps with every setting in turn, round after round; the peak
of resident memory is that of a process of its own.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow/lib"))

from measure.machine import in_own_process, machine, peak_mib, versions  # noqa: E402
from measure.timing import rounded, say  # noqa: E402
from shapes import PIECES, SHAPES, random_model  # noqa: E402

from genir.files.checkpoint import Checkpoint  # noqa: E402
from genir.files.io import write_json  # noqa: E402
from genir.models.load import add_docids, load_weights  # noqa: E402
from genir.models.start import Start  # noqa: E402
from genir.training import loop  # noqa: E402
from genir.training.finetuning import Examples, FinetuningConfig, finetune  # noqa: E402

MINI = "mini-t5"
DOCUMENTS = 1_000
PLANS = {MINI: (64, 5, 3), "t5-small-33k": (16, 2, 3)}
"""Of each shape examples in a step, steps and rounds."""
PARTS = {
    "whole": "all",
    "stage_three": ["docids", "decoder.III.mlp"],
    "cross_attention": ["docids", "decoder.cross_attention"],
    "docids": ["docids"],
    "encoder": ["docids", "encoder"],
}
"""As in config/selective.yaml."""


class Trainer:
    """A model of a shape, random examples as long as real ones, and the settings that are read."""

    def __init__(self, shape: str, batch_size: int) -> None:
        if shape == MINI:
            folder = REPOSITORY / "resources/mini-t5"
            self.model = load_weights(Start("folder", folder), 1)[0]
            pieces = len(self.model.shared.weight)
            add_docids(self.model, [str(i) for i in range(DOCUMENTS)], 1)
        else:
            self.model, pieces = random_model(SHAPES[shape]), SHAPES[shape].pieces
        self.first = pieces
        random = np.random.default_rng(1)
        lengths = {
            "indexing": np.full(DOCUMENTS, 32),
            "retrieval": random.integers(5, 24, DOCUMENTS),
        }
        documents = len(self.model.shared.weight) - pieces
        self.examples = {
            task: Examples(
                [random.integers(3, min(pieces, PIECES), length) for length in found],
                random.integers(pieces, pieces + documents, len(found)),
            )
            for task, found in lengths.items()
        }
        default = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())["finetuning"]
        self.config = FinetuningConfig(**default | {"checkpoint_every": 10**9, "warmup_steps": 1})
        self.config = replace(self.config, batch_size=batch_size)

    def run(self, setting: str, steps: int) -> None:
        """Train for some steps."""
        config = replace(self.config, steps=steps, trainable=PARTS[setting])
        finetune(self.model, self.examples, config, Checkpoint(Path("unused")), self.first)

    def sizes(self, setting: str) -> dict[str, float]:
        """Of one step in MiB: what it keeps for its backward pass, gradients, and the state of the
        optimiser."""
        kept: dict[int, int] = {}
        found = []
        original = loop.build_optimizer

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        def noting(*arguments: Any) -> Any:
            found.append(original(*arguments))
            return found[-1]

        loop.build_optimizer = noting
        try:
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                self.run(setting, 1)
        finally:
            loop.build_optimizer = original
        own = {weight.untyped_storage().data_ptr() for weight in self.model.parameters()}
        moved = found[0][0].state
        return {
            "kept": sum(size for place, size in kept.items() if place not in own) / 2**20,
            "gradients": sum(weight.nbytes for weight in moved) / 2**20,
            "state": sum(v.nbytes for state in moved.values() for v in state.values()) / 2**20,
        }


def report(shape: str, batch_size: int, steps: int, rounds: int) -> dict[str, Any]:
    """Processor seconds a step of every setting, and what each needs."""
    trainer, times = Trainer(shape, batch_size), {name: [] for name in PARTS}
    for number in range(rounds):
        for name in PARTS:
            trainer.run(name, 1)
            began = time.process_time()
            trainer.run(name, steps)
            times[name].append((time.process_time() - began) / steps)
        last = rounded({name: own[-1] for name, own in times.items()})
        say(f"{shape}, round {number + 1} of {rounds}: {last}")
    ratios = {
        name: median(a / b for a, b in zip(times["whole"], own, strict=True))
        for name, own in times.items()
    }
    peaks = {}
    for name in PARTS:
        words = ["--peak", name, "--shape", shape, "--batch-size", str(batch_size)]
        peaks[name] = in_own_process(Path(__file__), *words)
    return {
        "batch_size": batch_size,
        "steps": steps,
        "rounds": rounds,
        "seconds_a_step": {name: median(own) for name, own in times.items()},
        "times_as_fast": ratios,
        "mib_of_a_step": {name: trainer.sizes(name) for name in PARTS},
        "peak_mib": {name: peak["training"] for name, peak in peaks.items()},
        "peak_mib_before_training": {name: peak["before"] for name, peak in peaks.items()},
    }


def peak(shape: str, batch_size: int, setting: str) -> dict[str, float]:
    """Of this process, before and after three steps."""
    trainer = Trainer(shape, batch_size)
    before = peak_mib()
    trainer.run(setting, 3)
    return {"before": before, "training": peak_mib()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few steps of a tiny shape")
    parser.add_argument("--shapes", nargs="+", choices=PLANS, default=[MINI])
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks/results")
    parser.add_argument("--peak", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--shape", help=argparse.SUPPRESS)
    parser.add_argument("--batch-size", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.peak:
        print(json.dumps(peak(arguments.shape, arguments.batch_size, arguments.peak)))
        return
    plans = {"tiny": (4, 2, 1)} if arguments.quick else {s: PLANS[s] for s in arguments.shapes}
    found = {shape: report(shape, *plan) for shape, plan in plans.items()}
    whole = {"machine": machine(), "versions": versions(), "parts": PARTS, "shapes": found}
    write_json(arguments.out / "selective.json", rounded(whole))


if __name__ == "__main__":
    main()
