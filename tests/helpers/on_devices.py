"""The same test on the CPU, where it runs always, and on a GPU (`pytest -m cuda`)."""

import pytest
import torch

from genir.engine.devices import best_device

on_every_device = pytest.mark.parametrize(
    "kind", ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)]
)


def device_of(kind: str) -> torch.device:
    """The device as jobs use it. Raises AssertionError where there is no such one, for a test that
    fell back on the CPU would show nothing."""
    device = torch.device("cpu") if kind == "cpu" else best_device()
    assert device.type == kind, "pytest -m cuda needs a GPU that torch can use"
    return device
