"""What the machine computes on, and what it is fast at."""

import torch


def best_device() -> torch.device:
    """The accelerator if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def multiplies_bfloat16_faster(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 are clearly faster than in float32: on GPUs from
    compute capability 8.0 and on CPUs with AMX."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return torch.cpu.is_available() and torch.cpu._is_amx_tile_supported()
