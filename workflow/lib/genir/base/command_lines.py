"""Paths as parts of a command line."""

import json
import re
from pathlib import Path

_NOTHING = re.compile(r"\s*(#.*|~|null|Null|NULL)?\s*", re.DOTALL)


def as_path(path: str) -> str:
    """`path` for an option that may be left out: scripts read such a value as YAML, to which a file
    called null, ~ or # would be nothing."""
    return f"./{path}" if _NOTHING.fullmatch(path) else path


def spellings(path: Path | str) -> tuple[str, str]:
    """How a command line names a path: as it is, and inside of JSON."""
    return str(path), json.dumps(str(path))[1:-1]
