"""Rates measured in turn, round after round, so that a slow minute meets everybody."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import torch

Rate = Callable[[], float]
"""Measures once: patched queries per second."""


def say(line: str) -> None:
    """A progress line."""
    print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of `work`, an accelerator's share included."""
    _wait_for_device()
    began = time.perf_counter()
    work()
    _wait_for_device()
    return time.perf_counter() - began


def rate(work: Callable[[], object], patched_queries: int) -> Rate:
    """How fast `work` gets through `patched_queries`."""
    return lambda: patched_queries / seconds(work)


def in_turn(contestants: Mapping[str, Rate], rounds: int, task: str) -> dict[str, list[float]]:
    """Every contestant's rates, one per round."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name, measure in contestants.items():
            rates[name].append(measure())
        last = ", ".join(f"{name} {found[-1]:.4g}/s" for name, found in rates.items())
        say(f"{task}, round {number + 1} of {rounds}: {last}")
    return rates


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest ratio of two rates of the same round."""
    return spread([a / b for a, b in zip(above, below, strict=True)])


def spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": median(values),
        "low": min(values),
        "high": max(values),
        "rounds": len(values),
    }


def rounded(value: Any) -> Any:
    """Every float in nested dictionaries and lists at four significant digits."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _wait_for_device() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
