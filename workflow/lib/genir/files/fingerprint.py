"""Fingerprints: of files, of values, and of a script's code without comments, docstrings and
formatting."""

import ast
import hashlib
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def code_fingerprint(script: Path, library: Path, *modules: str) -> str:
    """SHA-256 over the syntax trees of `script`, of the `modules` of `library` that it is told to
    import, and of every module they import, directly or not, that lies beside it or in `library`.

    Raises ValueError if one of `modules` is no file of `library`.
    """
    for module in modules:
        if not library.joinpath(*module.split(".")).with_suffix(".py").is_file():
            raise ValueError(f"there is no module {module} in {library}")
    files = _files(script, library, modules)
    joined = "\n".join(_parsed(path)[0] for path in files)
    return hashlib.sha256(joined.encode()).hexdigest()[:16]


def imported_packages(script: Path, library: Path, *modules: str) -> list[str]:
    """Top-level names of what the same files import from elsewhere, without the standard library;
    imports inside a function count."""
    roots = (script.parent, library)
    files = _files(script, library, modules)
    names = {name.partition(".")[0] for path in files for name in _parsed(path)[1]}
    return sorted(
        name
        for name in names - sys.stdlib_module_names
        if not any((root / name).is_dir() or (root / f"{name}.py").is_file() for root in roots)
    )


def _files(script: Path, library: Path, modules: tuple[str, ...]) -> list[Path]:
    """`script`, `modules` and all they import out of its folder and `library`."""
    roots = (script.parent, library)
    files: set[Path] = set()
    waiting = [script, *_module_files(modules, roots)]
    while waiting:
        path = waiting.pop()
        if path not in files:
            files.add(path)
            waiting += _imported_files(path, roots)
    return sorted(files)


@cache
def _imported_files(path: Path, roots: tuple[Path, ...]) -> list[Path]:
    """What a file itself imports out of `roots`."""
    return _module_files(_parsed(path)[1], roots)


def _module_files(modules: tuple[str, ...], roots: tuple[Path, ...]) -> list[Path]:
    """Files in `roots` of modules and of their packages, which run before them."""
    full_names = dict.fromkeys(modules)
    names = dict.fromkeys(name for full in full_names for name in _with_packages(full))
    places = [root.joinpath(*name.split(".")) for name in names for root in roots]
    candidates = [c for m in places for c in (m.with_suffix(".py"), m / "__init__.py")]
    return [candidate for candidate in candidates if candidate.is_file()]


def _with_packages(name: str) -> list[str]:
    """a, a.b and a.b.c of a.b.c."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


@cache
def _parsed(path: Path) -> tuple[str, tuple[str, ...]]:
    """A hash of the file's syntax tree without docstrings, and the dotted names it imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: list[str] = []
    for node in ast.walk(tree):
        names += _imported_names(node)
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(names)


def _imported_names(node: ast.AST) -> list[str]:
    """Dotted names that a statement imports, `from a import b` giving both a and a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def fingerprint_of(*values: Any) -> str:
    """A short hash of JSON-able values."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sha256(path: Path | str) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
