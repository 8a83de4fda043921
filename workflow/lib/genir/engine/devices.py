"""What the machine computes on, what it is fast at, and torch's own random stream."""

from typing import Literal

import torch

from genir.base.seeding import seed_from

Precision = Literal["float32", "bfloat16", "auto"]


def best_device() -> torch.device:
    """The accelerator if there is one, told to multiply float32 as float32: some containers let it
    drop digits, and ranks rely on them."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    return torch.device("cuda")


def multiplies_bfloat16_faster(device: torch.device) -> bool:
    """Whether large matrix products in bfloat16 are clearly faster than in float32: on GPUs from
    compute capability 8.0 and on CPUs with AMX or AVX512_BF16.

    Told by what the processor can do and not by a measurement, which could come out otherwise when
    a training is resumed.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and (cpu_can("amx_tile") or cpu_can("avx512_bf16"))


def cpu_can(feature: str) -> bool:
    """Whether this CPU has `amx_tile` or `avx512_bf16`; False where torch cannot tell."""
    told = getattr(torch.cpu, f"_is_{feature}_supported", None)
    return told is not None and bool(told())


def product_type(precision: Precision, device: torch.device) -> torch.dtype:
    """The type that matrix products are computed in; `auto` is bfloat16 where it is faster."""
    if precision == "auto":
        precision = "bfloat16" if multiplies_bfloat16_faster(device) else "float32"
    return getattr(torch, precision)


def seed_torch(*parts: int | str) -> None:
    """Seed torch's global stream (dropout, initialisation)."""
    torch.manual_seed(seed_from(*parts))
