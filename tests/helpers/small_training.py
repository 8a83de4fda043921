"""A training of a small network that can be interrupted."""

from dataclasses import dataclass

import torch

from genir.engine.devices import seed_torch


@dataclass(frozen=True)
class Settings:
    steps: int = 12
    learning_rate: float = 0.05
    warmup_steps: int = 3
    decay_fraction: float = 0.25
    accumulation: int = 1
    checkpoint_every: int = 5


class InterruptedTrainingError(Exception):
    pass


def small_network() -> torch.nn.Module:
    torch.manual_seed(0)
    layers = torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 3)
    return torch.nn.Sequential(*layers)


def losses_of_part(model, stop_at=None, seen=None):
    def losses(step, part):
        if step == stop_at:
            raise InterruptedTrainingError
        if seen is not None:
            seen.append(step)
        seed_torch("test", step)
        inputs, labels = torch.randn(6, 4), torch.randint(0, 3, (6,))
        loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        return {"loss": loss, "double_loss": 2 * loss.detach()}

    return losses
