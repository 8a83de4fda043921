"""What `precision: auto` is, by what the processor says of itself."""

import pytest
import torch

from genir.engine.devices import multiplies_bfloat16_faster, product_type

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def _cpu_with(monkeypatch, *features):
    for name in ("amx_tile", "avx512_bf16"):
        answer = name in features
        monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda a=answer: a, raising=False)


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ((), torch.float32),
        (("avx512_bf16",), torch.bfloat16),
        (("amx_tile",), torch.bfloat16),
        (("amx_tile", "avx512_bf16"), torch.bfloat16),
    ],
)
def test_auto_is_what_the_cpu_is_fast_at(features, expected, monkeypatch):
    _cpu_with(monkeypatch, *features)
    assert product_type("auto", CPU) == expected


@pytest.mark.parametrize(
    ("capability", "expected"), [((7, 5), torch.float32), ((9, 0), torch.bfloat16)]
)
def test_a_gpu_goes_by_its_compute_capability(capability, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert product_type("auto", GPU) == expected


def test_a_torch_that_cannot_tell_means_float32(monkeypatch):
    for name in ("amx_tile", "avx512_bf16"):
        monkeypatch.delattr(torch.cpu, f"_is_{name}_supported", raising=False)
    assert not multiplies_bfloat16_faster(CPU)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_written_is_taken(precision, monkeypatch):
    _cpu_with(monkeypatch)
    assert product_type(precision, CPU) == getattr(torch, precision)
