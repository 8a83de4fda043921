"""Run one analysis of a model on queries; the first argument names it."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from jsonargparse import ArgumentParser

from genir.analyses.used_stages import read_stages
from genir.base.entries import Entries
from genir.base.patched_files import table_file
from genir.files.io import write_json, write_parquet
from genir.subjects.blocks import Limits
from genir.subjects.subject import QuerySource, load_subject
from script import explain, with_entry

# Other drivers rank queries for their own files.
ANALYSES = Entries("analysis", "", ("analyses",), takes="subject", without=("rank_queries",))
STAGES = {"stage_one": "I", "stage_two": "II", "stage_three": "III"}
"""Arguments of analyses that are the layers of a stage."""
SHARED = {
    "correct": "the model's correct queries (CSV); means are taken over them",
    "methods": "patching methods",
    "first_layer": "first decoder layer to patch",
    "last_layer": "last decoder layer to patch",
    "stages": "the model's stages (JSON, written by stages)",
    "seed": "seed of the bootstrap",
}
"""What arguments mean that a docstring leaves out."""


def job(model: Path, source: QuerySource, output: Path, limits: Limits) -> None:
    """What every analysis is told.

    Args:
        model: model folder with its docid mapping.
        source: the queries to run.
        output: Parquet to write; the folder to write in, where there are several tables.
        limits: memory this process may use, in MiB, and precision of products.
    """


def main() -> None:
    """Run one analysis of a model on queries."""
    with_entry(main, ANALYSES, analyse)


def analyse(name: str, function: Callable[..., Any], arguments: list[str]) -> None:
    """Run an analysis of the library with its command line: options are its own arguments beside
    those of `job`; stages, where it asks for the layers of one."""
    wanted = list(inspect.signature(function).parameters)
    of_stages = [name for name in wanted if name in STAGES]
    summary = inspect.getdoc(function).partition("\n\nArgs:")[0]
    parser = ArgumentParser(prog=f"analyse.py {name}", description=summary)
    parser.add_function_arguments(job, as_group=False)
    given = {"subject", "model", *of_stages} & set(wanted)
    parser.add_function_arguments(function, as_group=False, skip=given)
    if of_stages:
        parser.add_argument("--stages", type=Path, required=True)
    explain(parser, SHARED)
    told = parser.instantiate(parser.parse_args(arguments))
    own = {key: told[key] for key in wanted if key in told}
    for key in of_stages:
        first, last = read_stages(told.stages)["used"][STAGES[key]]
        own[key] = range(first, last + 1)
    _write(function(load_subject(told.model, told.source, told.limits), **own), told.output)


def _write(found: Any, output: Path) -> None:
    """A table to the file `output`; of several by name, each to a file of the folder."""
    if isinstance(found, pd.DataFrame):
        write_parquet(output, found)
        return
    for name, part in (found._asdict() if isinstance(found, tuple) else found).items():
        if isinstance(part, pd.DataFrame):
            write_parquet(output / table_file(name), part)
        else:
            write_json(output / f"{name}.json", part)


if __name__ == "__main__":
    main()
