"""The engine beside batched hooks on the device, at the shapes of benchmarks/engine.py."""

from collections.abc import Iterator
from functools import partial

import torch

from measure.gpu import engine_and_hooks
from measure.parts import Piece

SHAPES_OF = {"full": ("t5-small-33k", "t5-base-33k", "t5-base-132k"), "tiny": ("tiny",)}
ROUNDS = 3


def pieces(shape: str, device: torch.device) -> Iterator[Piece]:
    """A piece for each shape."""
    for name in SHAPES_OF[shape]:
        yield name, partial(engine_and_hooks, name, ROUNDS, device)
