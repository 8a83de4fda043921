"""The optimisation loop shared by pre-training and fine-tuning."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from genir.base.errors import TrainingError
from genir.base.progress import Progress
from genir.engine.weights import are_finite
from genir.files.checkpoint import Checkpoint
from genir.training.optimization import Schedule, build_optimizer
from genir.training.processes import this_process
from genir.training.snapshots import Snapshots
from genir.training.trainable import Trained

CURVE_POINTS = 200
NO_SNAPSHOTS = Snapshots()
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
    snapshots: Snapshots = NO_SNAPSHOTS,
    until: int | None = None,
    trained: Trained | None = None,
) -> list[dict[str, float]]:
    """Train `model` in place, from `checkpoint` where there is one; returns the loss curve.

    `losses_of_part(step, part)` gives named scalar losses of one of `accumulation` parts of a
    batch, which are added up; the one called "loss" is minimised. It must depend on step, part and
    weights alone, or a resumed run ends elsewhere. Only what is `trained` moves, everything without
    it. The curve has one {step, <mean of every named loss>, learning_rate, with `trained`
    docid_learning_rate} per 1/200 of the run. Of several processes each computes its share of the
    parts, and the main one writes checkpoints and `snapshots`; the curve of a snapshot ends with
    its step. `until` stops after that many steps of the same training.

    Raises TrainingError at a loss, and before a checkpoint and at the end at a weight or a state of
    the optimiser, that is not finite; the last checkpoint stays.
    """
    processes = this_process()
    own_parts = processes.own_parts(config.accumulation)
    weights = dict(model.named_parameters()) if trained is None else trained.weights
    docids = None if trained is None else trained.docids
    optimizer, schedule = build_optimizer(weights.values(), config, docids)
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    curve: list[dict[str, float]] = []
    recent: list[dict[str, float]] = []
    start = _restore(checkpoint, parts, curve, recent)
    processes.check_agreement(start)
    end = config.steps if until is None else until
    progress = Progress(f"{task} step", end, start=start)
    every = max(1, config.steps // CURVE_POINTS)
    if start == 0 and 0 in snapshots.places and processes.is_main:
        snapshots.keep(0, model, [])
    model.train()
    for step in range(start, end):
        sums: dict[str, torch.Tensor] = {}
        for part in own_parts:
            losses = losses_of_part(step, part)
            losses["loss"].backward()
            sums |= {name: sums.get(name, 0.0) + value.detach() for name, value in losses.items()}
        gradients = [weight.grad for weight in weights.values() if weight.grad is not None]
        processes.add_up([*gradients, *sums.values()])
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        recent.append({name: value.item() for name, value in sums.items()})
        _check_losses(recent[-1], step + 1, config, checkpoint, task)
        progress.update(step + 1, f"loss {np.mean([r['loss'] for r in recent]):.3f}")
        is_due = (step + 1) % config.checkpoint_every == 0 and step + 1 < end
        is_wanted = step + 1 in snapshots.places
        is_point = (step + 1) % every == 0 or step + 1 == end
        if is_point or is_wanted:
            rates = schedule.get_last_lr()
            own = {} if docids is None else {"docid_learning_rate": rates[-1]}
            point = _curve_point(step + 1, recent) | {"learning_rate": rates[0]} | own
        if is_point:
            curve.append(point)
            recent.clear()
        if is_due or is_wanted or step + 1 == end:
            _check_weights(weights, optimizer, step + 1, config, checkpoint, task)
        if is_wanted and processes.is_main:
            snapshots.keep(step + 1, model, [*curve, point] if recent else curve)
        if is_due and processes.is_main:
            states = {name: part.state_dict() for name, part in parts.items()}
            checkpoint.save({"step": step + 1, "curve": curve, "recent": recent} | states)
    model.eval()
    return curve


def _check_losses(
    losses: dict[str, float], step: int, config: TrainingConfig, checkpoint: Checkpoint, task: str
) -> None:
    for name, value in losses.items():
        if not math.isfinite(value):
            raise _diverged(f"{name} is {value}", step, config, checkpoint, task)


def _check_weights(
    weights: Mapping[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    step: int,
    config: TrainingConfig,
    checkpoint: Checkpoint,
    task: str,
) -> None:
    """A loss is finite one step longer than the weights, and a state of the optimiser that
    overflowed would hold its weight still."""
    for name, weight in weights.items():
        held = {"weight": weight.detach(), **optimizer.state.get(weight, {})}
        for what, value in held.items():
            if isinstance(value, torch.Tensor) and value.numel() and not are_finite(value):
                said = name if what == "weight" else f"the optimiser's {what} of {name}"
                raise _diverged(f"{said} is not finite", step, config, checkpoint, task)


def _diverged(
    what: str, step: int, config: TrainingConfig, checkpoint: Checkpoint, task: str
) -> TrainingError:
    kept = f"the last checkpoint stays in {checkpoint.folder}" if checkpoint.path.exists() else ""
    names = ("learning_rate", "docid_learning_rate")
    rates = {name: rate for name in names if (rate := getattr(config, name, None)) is not None}
    smaller = ", ".join(f"{name} (it is {rate})" for name, rate in rates.items())
    return TrainingError(
        f"{task} stopped at step {step} of {config.steps}: {what}. No model is written"
        f"{kept and '; '}{kept}. Write a smaller {smaller} or more warmup_steps, and look for "
        "damaged weights in the start"
    )


def _curve_point(step: int, recent: list[dict[str, float]]) -> dict[str, float]:
    return {"step": step} | {name: float(np.mean([r[name] for r in recent])) for name in recent[0]}


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
