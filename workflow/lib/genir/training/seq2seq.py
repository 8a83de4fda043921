"""The loss of a whole encoder-decoder over target tokens, part by part of a batch."""

from collections.abc import Sequence

import numpy as np
import torch

from genir.engine.dropout import Drop
from genir.engine.teacher_forcing import TeacherForcing


def part_of_loss(
    forced: TeacherForcing,
    inputs: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    part: int,
    parts: int,
    drop: Drop,
) -> torch.Tensor:
    """What a part of the examples adds to the mean cross-entropy over the target tokens of a batch
    (token ids, end tokens included)."""
    own = np.array_split(np.arange(len(inputs)), parts)[part]
    loss = forced.loss([inputs[i] for i in own], [targets[i] for i in own], drop)
    return loss / sum(map(len, targets))
