"""A learning rate of their own for the rows of docids.

They begin at random and must go far, in the matrices in which the words' rows were pre-trained.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class DocidRate:
    """Rows from `first` on of `matrices`, and all of `rows`, are those of docids and move with
    `learning_rate`."""

    matrices: list[torch.nn.Parameter]
    first: int
    learning_rate: float
    rows: list[torch.nn.Parameter] = field(default_factory=list)

    def groups(self, weights: Iterable[torch.nn.Parameter]) -> list[dict[str, Any]]:
        """All other weights, then those that hold docids with their rate."""
        own = [*self.matrices, *self.rows]
        others = [weight for weight in weights if all(weight is not one for one in own)]
        return [{"params": others}, {"params": own, "lr": self.learning_rate}]

    def attach(self, optimizer: torch.optim.Adafactor) -> None:
        """Have the last of the two `groups` move its words with the rate of the first.

        Adafactor moves row i of a matrix W at step t by -min(rate, t^-0.5) max(eps2, RMS(W)) u_i,
        u being the update of the whole matrix, scaled by its second moments and clipped by its RMS.
        All of that stays as it is; only the rate is that of the row: rows of words are put where
        the ordinary rate, of the same moment of the schedule, takes them.
        """
        words: dict[torch.nn.Parameter, torch.Tensor] = {}

        @torch.no_grad()
        def keep(*_: Any) -> None:
            for matrix in self.matrices:
                if matrix.grad is not None:
                    words[matrix] = matrix[: self.first].clone()

        @torch.no_grad()
        def put_back(*_: Any) -> None:
            ordinary, own = (float(group["lr"]) for group in optimizer.param_groups)
            for matrix, before in words.items():
                most = optimizer.state[matrix]["step"].item() ** -0.5
                share = min(ordinary, most) / min(own, most)
                matrix[: self.first] = before.lerp_(matrix[: self.first], share)
            words.clear()

        optimizer.register_step_pre_hook(keep)
        optimizer.register_step_post_hook(put_back)
