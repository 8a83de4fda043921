"""A fingerprint of a script's code that ignores comments, docstrings and formatting."""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def code_fingerprint(script: Path, library: Path) -> str:
    """SHA-256 over the syntax trees of `script` and of every module it imports, directly or not,
    that lies beside it or in `library`."""
    files: dict[Path, str] = {}
    _collect(script, (script.parent, library), files)
    joined = "\n".join(files[path] for path in sorted(files))
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


def _collect(path: Path, roots: tuple[Path, ...], files: dict[Path, str]) -> None:
    if path in files:
        return
    files[path], names = _parsed(path)
    for name in names:
        for root in roots:
            module = root.joinpath(*name.split("."))
            for candidate in (module.with_suffix(".py"), module / "__init__.py"):
                if candidate.is_file():
                    _collect(candidate, roots, files)


@cache
def _parsed(path: Path) -> tuple[str, tuple[str, ...]]:
    """A hash of the file's syntax tree without docstrings, and the dotted names it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = _imported_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), names


def _imported_names(tree: ast.Module) -> tuple[str, ...]:
    """Dotted names of every import, `from a import b` giving both a and a.b."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)


def fingerprint_of(*values: Any) -> str:
    """A short hash of JSON-able values."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
