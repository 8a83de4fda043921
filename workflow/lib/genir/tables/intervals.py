"""Intervals as columns of a table."""

from typing import Any

from genir.statistics import Interval

NAMES = ("value", "low", "high", "n")


def columns(
    interval: Interval, names: tuple[str, str, str, str] = NAMES, scale: float = 1.0
) -> dict[str, Any]:
    """Value, low, high (times `scale`) and n under `names`."""
    values = (interval.value * scale, interval.low * scale, interval.high * scale, interval.n)
    return dict(zip(names, values, strict=True))
