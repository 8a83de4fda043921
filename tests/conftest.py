import pytest
import torch
from browser import Browser, browser

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


@pytest.fixture(scope="session")
def chromium(tmp_path_factory) -> Browser:
    """For tests marked `browser`."""
    with browser(tmp_path_factory.mktemp("browser") / "profile") as opened:
        yield opened


@pytest.fixture
def page(chromium):
    """A tab of its own for every test, closed behind it."""
    tab = chromium.page()
    yield tab
    tab.close()
