"""Turns a script's `main` function into a command line with clear errors."""

import sys
from collections.abc import Callable

from jsonargparse import auto_cli

from genir.errors import UserError
from genir.progress import configure_logging


def run(main: Callable[..., None]) -> None:
    """Call `main` with the command line's arguments; a UserError becomes one line on stderr."""
    configure_logging()
    try:
        auto_cli(main, as_positional=False)
    except UserError as error:
        sys.exit(f"{type(error).__name__}: {error}")
