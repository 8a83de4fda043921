"""The implementations that the engine is verified against."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import torch

from genir.verification.hugging_face import Captured, PlainReference

TRANSFORMER_LENS = "3.9.0"


def references(folder: Path) -> tuple[dict[str, type], str]:
    """The class of every reference that can compute the model in `folder`, by name and version, and
    a sentence on TransformerLens, which is optional, where it is left out."""
    plain = {f"transformers {version('transformers')}": PlainReference}
    try:
        from genir.verification.transformer_lens import TransformerLensReference, readable
    except ImportError:
        return plain, (
            f"TransformerLens {TRANSFORMER_LENS} is not installed; after "
            f"`pip install transformer-lens=={TRANSFORMER_LENS}` it is a second reference."
        )
    name = f"TransformerLens {version('transformer-lens')}"
    if not readable(folder):
        return plain, f"{name} computes ReLU models with tied embeddings only, so not this one."
    return plain | {name: TransformerLensReference}, ""


class Reference(Protocol):
    """An implementation to compare with, set up with a model folder and some queries; see
    `PlainReference`."""

    def captured(self) -> Captured: ...

    def logits(self, patch: Mapping[tuple, torch.Tensor]) -> torch.Tensor: ...

    def unembedded(self, states: torch.Tensor) -> torch.Tensor: ...
