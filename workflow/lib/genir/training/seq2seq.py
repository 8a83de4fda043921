"""The loss of a whole encoder-decoder over target tokens, part by part of a batch."""

import numpy as np
import torch
from transformers import T5ForConditionalGeneration

IGNORED_LABEL = -100


def part_of_loss(
    model: T5ForConditionalGeneration, batch: dict[str, torch.Tensor], part: int, parts: int
) -> torch.Tensor:
    """What a part of the examples adds to the mean cross-entropy over the target tokens of a batch
    (`input_ids`, `attention_mask`, `labels`, each `[example, token]`)."""
    places = np.array_split(np.arange(len(batch["labels"])), parts)[part]
    own = {name: rows[places].to(model.device) for name, rows in batch.items()}
    share = _targets(own["labels"]) / _targets(batch["labels"])
    return model(**own, use_cache=False).loss * share


def _targets(labels: torch.Tensor) -> int:
    return int((labels != IGNORED_LABEL).sum())
