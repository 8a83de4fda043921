"""Optimiser and learning-rate schedule shared by pre-training and fine-tuning."""

from typing import Protocol

import torch
from torch.optim.lr_scheduler import LambdaLR


class Schedule(Protocol):
    """The keys of a training configuration that the optimiser reads."""

    @property
    def steps(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def warmup_steps(self) -> int: ...
    @property
    def decay_fraction(self) -> float: ...


def learning_rate_factor(step: int, config: Schedule) -> float:
    """Linear warm-up to 1, then 1, then linear decay to 0 over the last `decay_fraction`."""
    decay_steps = max(1, round(config.steps * config.decay_fraction))
    warmup = (step + 1) / max(1, config.warmup_steps)
    decay = (config.steps - step) / decay_steps
    return max(0.0, min(1.0, warmup, decay))


def build_optimizer(
    model: torch.nn.Module, config: Schedule
) -> tuple[torch.optim.Optimizer, LambdaLR]:
    """Adafactor (Shazeer and Stern 2018) with steps relative to each matrix's scale.

    T5 initialises embeddings with standard deviation 1, so an absolute step of usual size hardly
    moves them; relative steps do.
    """
    optimizer = torch.optim.Adafactor(model.parameters(), lr=config.learning_rate, foreach=True)
    return optimizer, LambdaLR(optimizer, lambda step: learning_rate_factor(step, config))
