import pytest
import torch

from genir.training.processes import this_process

# Small matrices gain nothing by threads, and tests may run beside other work.
torch.set_num_threads(1)


@pytest.fixture
def on_cpu(monkeypatch):
    """As on a machine without a GPU: CUDA cannot be used in forked processes."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    this_process.cache_clear()
    yield
    this_process.cache_clear()
