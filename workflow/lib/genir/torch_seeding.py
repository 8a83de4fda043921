"""Torch's own random stream, set from named seeds."""

import torch

from genir.seeding import seed_from


def seed_torch(*parts: int | str) -> None:
    """Seed torch's global stream (dropout, initialisation)."""
    torch.manual_seed(seed_from(*parts))
