"""Turns a script's `main` function into a command line with clear errors."""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path

from jsonargparse import auto_cli

from genir.errors import UserError
from genir.progress import configure_logging
from genir.provenance import carrying, describe
from genir.storage import refusal
from genir.surroundings import check_encoding


def run(main: Callable[..., None], as_positional: bool = False) -> None:
    """Call `main` with the command line's arguments; a UserError becomes one line on stderr. What
    it writes carries its provenance."""
    configure_logging()
    try:
        check_encoding()
        with carrying(describe(Path(inspect.getfile(main)), sys.argv[1:])):
            auto_cli(main, as_positional=as_positional)
    except UserError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except Exception as error:
        if told := refusal(error):
            sys.exit(f"{type(told).__name__}: {told}")
        raise
