"""Values as parts of a command line that Snakemake writes."""

import json
import re
from pathlib import Path
from typing import Any

_BRACES = str.maketrans({"{": r"\u007b", "}": r"\u007d"})
_NOTHING = re.compile(r"\s*(#.*|~|null|Null|NULL)?\s*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def as_json(value: Any) -> str:
    """`value` as JSON in one line, paths as text. Braces inside of text are written as escapes:
    Snakemake takes {name} in a parameter for a wildcard."""
    text = json.dumps(value, default=str, sort_keys=True)
    return _STRING.sub(lambda string: string[0].translate(_BRACES), text)


def as_path(path: str) -> str:
    """`path` for an option that may be left out: scripts read such a value as YAML, to which a file
    called null, ~ or # would be nothing."""
    return f"./{path}" if _NOTHING.fullmatch(path) else path


def spellings(path: Path | str) -> tuple[str, str]:
    """How a command line names a path: as it is, and inside of JSON."""
    return str(path), as_json(str(path))[1:-1]


def options(**values: Any) -> list[str]:
    """Options of a command, each followed by its value, sorted by name."""
    pairs = ((f"--{name}", str(value)) for name, value in sorted(values.items()))
    return [word for pair in pairs for word in pair]
