"""A function in two processes that train together, without starting Python twice."""

import os
from collections.abc import Callable
from typing import Any

from accelerate import debug_launcher

from genir.training.processes import this_process


def in_two_processes(function: Callable[..., None], *arguments: Any) -> None:
    """Call `function` in two processes on this CPU, forked from this one and joined by gloo."""
    debug_launcher(_call, (function, *arguments), num_processes=2)


def _call(function: Callable[..., None], *arguments: Any) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    this_process.cache_clear()
    function(*arguments)
