"""The weights of a training after some of its steps, kept beside its checkpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from genir.files.checkpoint import Checkpoint


@dataclass(frozen=True)
class Snapshots:
    """For every step that is wanted the folder where its weights are kept until a model is made of
    them; step 0 is the start. `identity` is that of the training's checkpoint.

    They are no part of what a training is: it goes on from a checkpoint whatever is kept, and what
    was not kept can only be had by training up to there again.
    """

    places: Mapping[int, Path] = field(default_factory=dict)
    identity: str = ""

    def keep(self, step: int, model: torch.nn.Module, curve: Sequence[dict[str, float]]) -> None:
        """Keep weights in half precision and the loss curve up to `step`, in place of what was kept
        of it before. Where they cannot be written, the log says so."""
        state = {"weights": _halved(model), "curve": list(curve)}
        Checkpoint(self.places[step], self.identity).save(state)

    def kept(self, step: int) -> dict[str, Any] | None:
        """{"weights", "curve"} of a step; None if they are not there, damaged or of other data."""
        return Checkpoint(self.places[step], self.identity).load()


def _halved(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """All weights in half precision; those that share memory still do."""
    halves: dict[int, torch.Tensor] = {}
    for weight in model.state_dict().values():
        if weight.data_ptr() not in halves:
            halves[weight.data_ptr()] = weight.half()
    return {name: halves[weight.data_ptr()] for name, weight in model.state_dict().items()}
