"""What the machine computes on, what it is fast at, and torch's own random stream."""

from typing import Literal

import torch

from genir.base.seeding import seed_from

Precision = Literal["float32", "bfloat16", "auto"]


def best_device() -> torch.device:
    """The accelerator if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def multiplies_bfloat16_faster(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 are clearly faster than in float32: on GPUs from
    compute capability 8.0 and on CPUs with AMX."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return torch.cpu.is_available() and torch.cpu._is_amx_tile_supported()


def product_type(precision: Precision, device: torch.device) -> torch.dtype:
    """The type that matrix products are computed in; `auto` is bfloat16 where it is faster."""
    if precision == "auto":
        precision = "bfloat16" if multiplies_bfloat16_faster(device) else "float32"
    return getattr(torch, precision)


def seed_torch(*parts: int | str) -> None:
    """Seed torch's global stream (dropout, initialisation)."""
    torch.manual_seed(seed_from(*parts))
