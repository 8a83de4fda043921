"""Circuits: what is left of a decoder when whole components are replaced (the study's Table 4)."""

from collections.abc import Mapping
from math import isnan
from typing import Any

import pandas as pd

from genir.base.names import AUTOMATIC_METHODS, COMPONENTS, STAGES, Component, Method, Variant
from genir.estimates.intervals import Interval
from genir.estimates.patch_effects import patching_effects

RULE = (
    "A component is replaced in a stage if, with it alone replaced there, the upper bound of the "
    "95 % interval of the percent of correct validation queries whose document is no longer first "
    "is below {percent:g}; tried in this order: {methods}. If nothing of a component would be left "
    "and replacing it in all layers at once is not below that, the stage that breaks most stays "
    "active. So do all other components."
)

Cell = tuple[Component, str]
"""A component in all layers of a stage."""

Cells = dict[Cell, Method]
"""The cells that a circuit replaces, and by what."""


def _cells(attention: Method, mlp: Method) -> Cells:
    """The study's choice: self-attention everywhere, cross-attention of I, MLPs of I and II."""
    cells: Cells = {("self_attention", stage): attention for stage in STAGES}
    cells["cross_attention", "I"] = attention
    return cells | {("mlp", stage): mlp for stage in ("I", "II")}


FIXED: dict[Variant, Cells] = {
    "study": _cells(attention="zero", mlp="mean"),
    "zero": _cells(attention="zero", mlp="zero"),
    "mean": _cells(attention="mean", mlp="mean"),
    # From the study's released code, not its text.
    "pretrained": {(name, stage): "pretrained" for stage in ("I", "II") for name in COMPONENTS}
    | {("self_attention", "III"): "pretrained"},
}


def replacements(
    cells: Cells, stages: Mapping[str, tuple[int, int]]
) -> dict[tuple[int, Component], Method]:
    """(layer, component) -> method, of all that `cells` replace."""
    return {
        (layer, component): method
        for (component, stage), method in cells.items()
        for layer in range(stages[stage][0], stages[stage][1] + 1)
    }


def cell_effects(
    unmodified: pd.DataFrame, patched: Mapping[Cell, Mapping[Method, pd.DataFrame]], seed: int
) -> dict[Cell, dict[Method, Interval]]:
    """Percent of correct queries no longer first by vocabulary rank, from the ranks of all
    validation queries without and with every cell patched alone."""
    return {
        cell: {
            method: _broken(patching_effects(unmodified, ranks, seed))
            for method, ranks in by_method.items()
        }
        for cell, by_method in patched.items()
    }


def automatic_cells(
    effects: Mapping[Cell, Mapping[Method, Interval]], broken_percent: float
) -> Cells:
    """The cells without which the model still answers: for each, the first method, zero before
    mean, under which the upper bound of the percent no longer first is below `broken_percent`.

    `effects` are those of patching every cell, and every component in the stage `all`, alone.
    Stages may stand in for one another: of a component that can go from each but not from all, the
    stage with the highest bound stays. So does a cell without a bound (too few correct queries).
    """
    below = {cell: _first_below(by_method, broken_percent) for cell, by_method in effects.items()}
    cells = {cell: method for cell, method in below.items() if method and cell[1] != "all"}
    for component in COMPONENTS:
        own = [(component, stage) for stage in STAGES]
        if cells.keys() >= set(own) and below[component, "all"] is None:
            del cells[max(own, key=lambda cell: effects[cell][cells[cell]].high)]
    return cells


def _first_below(by_method: Mapping[Method, Interval], percent: float) -> Method | None:
    tried = (method for method in AUTOMATIC_METHODS if method in by_method)
    return next((method for method in tried if by_method[method].high < percent), None)


def automatic_record(
    effects: Mapping[Cell, Mapping[Method, Interval]],
    stages: Mapping[str, tuple[int, int]],
    broken_percent: float,
) -> dict[str, Any]:
    """`automatic_cells` with the rule and what it was decided on, JSON-ready."""
    cells = automatic_cells(effects, broken_percent)
    methods = list(dict.fromkeys(method for by_method in effects.values() for method in by_method))
    return {
        "rule": RULE.format(percent=broken_percent, methods=", ".join(methods) or "no method"),
        "broken_percent": broken_percent,
        "methods": methods,
        "cells": [
            {
                "component": component,
                "stage": stage,
                "layers": list(stages[stage]),
                "choice": "inactive" if (component, stage) in cells else "active",
                "method": cells.get((component, stage)),
                "no_longer_first": _percents(by_method),
            }
            for (component, stage), by_method in effects.items()
            if stage != "all"
        ],
        "all_layers": {
            component: _percents(by_method)
            for (component, stage), by_method in effects.items()
            if stage == "all"
        },
    }


def recorded_cells(record: Mapping[str, Any]) -> Cells:
    """The cells that an `automatic_record` replaces."""
    return {
        (cell["component"], cell["stage"]): cell["method"]
        for cell in record["cells"]
        if cell["method"] is not None
    }


def _broken(effects: pd.DataFrame) -> Interval:
    row = effects.set_index("rank_kind").loc["vocabulary"]
    return Interval(row["broken_percent"], row["low"], row["high"], int(row["n"]))


def _percents(by_method: Mapping[Method, Interval]) -> dict[Method, dict[str, float | int | None]]:
    """Percent and bounds by method; null where there is none."""
    return {
        method: {
            "percent": _number(interval.value),
            "low": _number(interval.low),
            "high": _number(interval.high),
            "n": interval.n,
        }
        for method, interval in by_method.items()
    }


def _number(value: float) -> float | None:
    return None if isnan(value) else float(value)
