"""The optimisation loop shared by pre-training and fine-tuning."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from genir.checkpoints import Checkpoint
from genir.optimization import Schedule, build_optimizer
from genir.processes import this_process
from genir.progress import Progress

CURVE_POINTS = 200
LossesOfPart = Callable[[int, int], dict[str, torch.Tensor]]


class TrainingConfig(Schedule):
    """What the loop reads of a configuration."""

    @property
    def accumulation(self) -> int: ...
    @property
    def checkpoint_every(self) -> int: ...


def train(
    model: torch.nn.Module,
    losses_of_part: LossesOfPart,
    config: TrainingConfig,
    checkpoint: Checkpoint,
    task: str,
) -> list[dict[str, float]]:
    """Train `model` in place, from `checkpoint` where there is one; returns the loss curve.

    `losses_of_part(step, part)` gives named scalar losses of one of `accumulation` parts of a
    batch, which are added up; the one called "loss" is minimised. It must depend on step, part and
    weights alone, or a resumed run ends elsewhere. The curve has one {step, <mean of every named
    loss>, learning_rate} per 1/200 of the run. Of several processes each computes its share of the
    parts, and the main one writes the checkpoints.
    """
    processes = this_process()
    own_parts = processes.own_parts(config.accumulation)
    optimizer, schedule = build_optimizer(model, config)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    curve: list[dict[str, float]] = []
    recent: list[dict[str, float]] = []
    start = _restore(checkpoint, parts, curve, recent)
    processes.check_agreement(start)
    progress = Progress(f"{task} step", config.steps, start=start)
    every = max(1, config.steps // CURVE_POINTS)
    model.train()
    for step in range(start, config.steps):
        sums: dict[str, torch.Tensor] = {}
        for part in own_parts:
            losses = losses_of_part(step, part)
            losses["loss"].backward()
            sums |= {name: sums.get(name, 0.0) + value.detach() for name, value in losses.items()}
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        processes.add_up([*gradients, *sums.values()])
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        recent.append({name: value.item() for name, value in sums.items()})
        progress.update(step + 1, f"loss {np.mean([r['loss'] for r in recent]):.3f}")
        if (step + 1) % every == 0 or step + 1 == config.steps:
            curve.append(_curve_point(step + 1, recent, schedule.get_last_lr()[0]))
            recent.clear()
        is_due = (step + 1) % config.checkpoint_every == 0 and step + 1 < config.steps
        if is_due and processes.is_main:
            states = {name: part.state_dict() for name, part in parts.items()}
            checkpoint.save({"step": step + 1, "curve": curve, "recent": recent} | states)
    model.eval()
    return curve


def _curve_point(step: int, recent: list[dict[str, float]], rate: float) -> dict[str, float]:
    means = {name: float(np.mean([r[name] for r in recent])) for name in recent[0]}
    return {"step": step} | means | {"learning_rate": rate}


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
