"""What rules give Snakemake in place of values: functions of the wildcards of a job."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from genir.run.arguments import Arguments, read_files, words
from genir.run.plan import Plan

_Value = TypeVar("_Value")


def one_of(names: Iterable[str]) -> str:
    """A wildcard constraint that admits exactly `names`."""
    return "|".join(map(re.escape, names)) or "(?!)"


def constant(value: _Value) -> Callable[[Any], _Value]:
    """The same for all wildcards. Snakemake leaves braces alone in what a function returns."""
    return lambda wildcards: value


def uncompared(value: Any) -> Callable[[Any, Any], Any]:
    """A parameter that changes no result: one that may depend on output is not compared."""
    return lambda wildcards, output: value(wildcards) if callable(value) else value


def told(plan: Plan, arguments: Callable[..., Arguments]) -> Callable[[Any], list[str]]:
    """The command line, as one parameter: Snakemake compares the set of a rule's parameters, and as
    two of them two numbers could change places unseen."""
    return lambda wildcards: words(arguments(plan, **dict(wildcards.items())))


def files_read(
    plan: Plan, arguments: Callable[..., Arguments]
) -> Callable[[Any], dict[str, list[str]]]:
    """The files that the arguments name, by option."""
    return lambda wildcards: read_files(arguments(plan, **dict(wildcards.items())))


def growing(mb: int | Callable[[Mapping[str, str]], int]) -> Callable[[Any, int], int]:
    """mem_mb that a scheduler raises with every attempt; a number or a function of wildcards."""
    return lambda wildcards, attempt: attempt * (mb(wildcards) if callable(mb) else mb)
