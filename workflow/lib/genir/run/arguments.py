"""Arguments of a job: what they say on a command line, and which files they name."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from genir.base.command_lines import as_path

Arguments = Mapping[str, Any]
"""Option -> value. A `Path` or `Folder` anywhere in a value is read, a `Written` is written."""

_Marked = TypeVar("_Marked")


@dataclass(frozen=True)
class Folder:
    """A folder that a job reads these files of."""

    path: Path
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Written:
    """What a job writes: a file, or these files in a folder. Wildcards of the rule are in braces,
    `{model}`, in all of them."""

    path: str
    files: tuple[str, ...] = ()


def words(arguments: Arguments, **wildcards: str) -> list[str]:
    """The command line: each option followed by its value, as JSON where it has parts. Options
    without a value, None, are left out."""
    given = {name: value for name, value in arguments.items() if value is not None}
    return [word for name, v in given.items() for word in _option(name, _text(v, wildcards))]


def read_files(arguments: Arguments) -> dict[str, list[str]]:
    """Option -> the files it names that are read, each once; options without one are left out."""
    found = {
        name: [
            *(str(path) for path in _marked(value, Path)),
            *(str(path) for folder in _marked(value, Folder) for path in folder.files),
        ]
        for name, value in arguments.items()
    }
    return {name: list(dict.fromkeys(paths)) for name, paths in found.items() if paths}


def written_files(arguments: Arguments, **wildcards: str) -> list[str]:
    """The files that are written; wildcards that are not given stay in braces."""
    written = [mark for value in arguments.values() for mark in _marked(value, Written)]
    paths = [path for mark in written for path in mark.files or (mark.path,)]
    return [_filled(path, wildcards) for path in paths]


def _option(name: str, value: str) -> list[str]:
    """An option and its value, one word if the value looks like an option itself."""
    return [f"--{name}={value}"] if value.startswith("-") else [f"--{name}", value]


def _text(value: Any, wildcards: Mapping[str, str]) -> str:
    said = _said(value, wildcards)
    if isinstance(value, Path | Folder):
        return as_path(said)
    return said if isinstance(said, str) else json.dumps(said, sort_keys=True)


def _said(value: Any, wildcards: Mapping[str, str]) -> Any:
    """The value with texts in place of paths."""
    if isinstance(value, Folder | Path):
        return str(value.path if isinstance(value, Folder) else value)
    if isinstance(value, Written):
        return _filled(value.path, wildcards)
    if isinstance(value, Mapping):
        return {str(name): _said(part, wildcards) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_said(part, wildcards) for part in value]
    return value


def _marked(value: Any, kind: Callable[..., _Marked]) -> Iterator[_Marked]:
    """All parts of a value that are of a kind."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _marked(part, kind)


def _filled(path: str, wildcards: Mapping[str, str]) -> str:
    for name, value in wildcards.items():
        path = path.replace(f"{{{name}}}", value)
    return path
