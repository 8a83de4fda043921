"""A fingerprint of a script's code that ignores comments and formatting."""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def code_fingerprint(script: Path, library: Path) -> str:
    """SHA-256 over the syntax trees of `script` and of every module it imports, directly or not,
    that lies beside it or in `library`. Docstrings count as code; comments do not."""
    files: dict[Path, str] = {}
    _collect(script, (script.parent, library), files)
    joined = "\n".join(files[path] for path in sorted(files))
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


def _collect(path: Path, roots: tuple[Path, ...], files: dict[Path, str]) -> None:
    if path in files:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    files[path] = ast.dump(tree)
    for name in _imported_names(tree):
        for root in roots:
            module = root.joinpath(*name.split("."))
            for candidate in (module.with_suffix(".py"), module / "__init__.py"):
                if candidate.is_file():
                    _collect(candidate, roots, files)


def _imported_names(tree: ast.Module) -> list[str]:
    """Dotted names of every import, `from a import b` giving both a and a.b."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def fingerprint_of(*values: Any) -> str:
    """A short hash of JSON-able values."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
