"""Turns a script's `main` function into a command line with clear errors."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, auto_cli

from genir.base.entries import Entries
from genir.base.errors import UserError
from genir.base.progress import configure_logging
from genir.base.surroundings import check_encoding
from genir.files.full_disk import refusal
from genir.files.provenance import carrying, describe


def run(main: Callable[..., None], as_positional: bool = False) -> None:
    """Call `main` with the command line's arguments; a UserError becomes one line on stderr. What
    it writes carries its provenance."""
    configure_logging()
    with clear_errors(), carrying(describe(Path(inspect.getfile(main)), sys.argv[1:])):
        auto_cli(main, as_positional=as_positional)


def run_entry(
    main: Callable[..., None], entries: Entries, shared: Mapping[str, str] | None = None
) -> None:
    """Like `run`, for one of `entries`, which the first argument names: `main` gets its function,
    to be called with what `main` has of its arguments; all others are given already.

    The command line has the arguments of both, but an optional one of `main` only where the entry
    has it too. `shared` explains arguments that an entry's docstring leaves out.
    """

    def call(name: str, function: Callable[..., object], arguments: list[str]) -> None:
        own, others = _parsed(name, main, function, shared or {}, arguments)
        main(partial(function, **own), **others)

    with_entry(main, entries, call)


def with_entry(
    main: Callable[..., None],
    entries: Entries,
    call: Callable[[str, Callable[..., Any], list[str]], None],
) -> None:
    """Hand name, function and further arguments of one of `entries`, which the first argument
    names, to `call`, as `run` would."""
    configure_logging()
    name, *arguments = sys.argv[1:] or ["--help"]
    with clear_errors():
        if name in ("-h", "--help"):
            print_names(main, entries)
            return
        module = entries.module(name)
        with carrying(describe(Path(inspect.getfile(main)), sys.argv[1:], module)):
            call(name, getattr(import_module(module), entries.function or name), arguments)


def _parsed(
    name: str,
    main: Callable[..., None],
    function: Callable[..., object],
    shared: Mapping[str, str],
    arguments: list[str],
) -> tuple[dict[str, object], dict[str, object]]:
    """Arguments of `function`, but for those that `main` passes on, and arguments of `main`."""
    wanted = inspect.signature(function).parameters
    first, *rest = inspect.signature(main).parameters.values()
    taken = [p.name for p in rest if p.default is p.empty or p.name in wanted]
    left_out = {first.name, *(p.name for p in rest)} - set(taken)
    described = inspect.getdoc(function).partition("\n\nArgs:")[0]
    parser = ArgumentParser(prog=f"{Path(sys.argv[0]).name} {name}", description=described)
    passed_on = set(wanted) & set(taken)
    own = parser.add_function_arguments(function, as_group=False, skip=passed_on)
    parser.add_function_arguments(main, as_group=False, skip=left_out)
    explain(parser, shared)
    values = parser.instantiate(parser.parse_args(arguments))
    names = dict.fromkeys(key.partition(".")[0] for key in own)
    return {key: values[key] for key in names}, {key: values[key] for key in taken}


def explain(parser: ArgumentParser, shared: Mapping[str, str]) -> None:
    """Give arguments that no docstring explains the help that `shared` has for all."""
    for action in parser._actions:
        action.help = action.help or shared.get(action.dest)


def print_names(main: Callable[..., None], entries: Entries) -> None:
    """What there is, in place of the arguments of one."""
    script = Path(sys.argv[0]).name
    print(f"usage: {script} NAME OPTIONS\n\n{inspect.getdoc(main).partition(chr(10))[0]}\n")
    for name, summary in entries.summaries().items():
        print(f"  {name:22}{summary}")
    print(f"\n`{script} NAME --help` explains the options of one.")


@contextmanager
def clear_errors() -> Iterator[None]:
    """A UserError, or a disk that is full, ends the process with one line."""
    try:
        check_encoding()
        yield
    except UserError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except Exception as error:
        if told := refusal(error):
            sys.exit(f"{type(told).__name__}: {told}")
        raise
