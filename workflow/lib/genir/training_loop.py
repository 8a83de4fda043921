"""The optimisation loop shared by pre-training and fine-tuning."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from genir.checkpoints import Checkpoint
from genir.optimization import Schedule, build_optimizer
from genir.progress import Progress

CURVE_POINTS = 200
LossesOfStep = Callable[[int], Iterable[dict[str, torch.Tensor]]]


class TrainingConfig(Schedule):
    """What the loop reads of a configuration."""

    @property
    def checkpoint_every(self) -> int: ...


def train(
    model: torch.nn.Module,
    losses_of_step: LossesOfStep,
    config: TrainingConfig,
    checkpoint: Checkpoint,
    task: str,
) -> list[dict[str, float]]:
    """Train `model` in place, from `checkpoint` where there is one; returns the loss curve.

    `losses_of_step(step)` gives the parts of a batch, each as named scalar losses that are added
    up; the one called "loss" is minimised. It must depend on the step number and the weights alone,
    or a resumed run ends elsewhere. The curve has one {step, <mean of every named loss>,
    learning_rate, seconds} per 1/200 of the run.
    """
    optimizer, schedule = build_optimizer(model, config)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    curve: list[dict[str, float]] = []
    recent: list[dict[str, float]] = []
    start = _restore(checkpoint, parts, curve, recent)
    progress = Progress(f"{task} step", config.steps, start=start)
    every = max(1, config.steps // CURVE_POINTS)
    before = curve[-1]["seconds"] if curve else 0.0
    began = time.monotonic()
    model.train()
    for step in range(start, config.steps):
        sums: dict[str, torch.Tensor] = {}
        for losses in losses_of_step(step):
            losses["loss"].backward()
            sums |= {name: sums.get(name, 0.0) + value.detach() for name, value in losses.items()}
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        recent.append({name: value.item() for name, value in sums.items()})
        progress.update(step + 1, f"loss {np.mean([r['loss'] for r in recent]):.3f}")
        if (step + 1) % every == 0 or step + 1 == config.steps:
            seconds = before + time.monotonic() - began
            curve.append(_curve_point(step + 1, recent, schedule.get_last_lr()[0], seconds))
            recent.clear()
        if (step + 1) % config.checkpoint_every == 0 and step + 1 < config.steps:
            states = {name: part.state_dict() for name, part in parts.items()}
            checkpoint.save({"step": step + 1, "curve": curve, "recent": recent} | states)
    model.eval()
    return curve


def _curve_point(
    step: int, recent: list[dict[str, float]], rate: float, seconds: float
) -> dict[str, float]:
    means = {name: float(np.mean([r[name] for r in recent])) for name in recent[0]}
    return {"step": step} | means | {"learning_rate": rate, "seconds": round(seconds, 1)}


def _restore(
    checkpoint: Checkpoint,
    parts: dict[str, Any],
    curve: list[dict[str, float]],
    recent: list[dict[str, float]],
) -> int:
    """Load the last checkpoint into `parts`; the number of steps done, 0 without one."""
    state = checkpoint.load()
    if state is None:
        return 0
    for name, part in parts.items():
        part.load_state_dict(state[name])
    curve.extend(state["curve"])
    recent.extend(state["recent"])
    return state["step"]
