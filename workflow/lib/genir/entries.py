"""Modules that a driver finds by name: those of a folder that define its entry function."""

import ast
from dataclasses import dataclass
from pathlib import Path

from genir.errors import AnalysisError

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Entries:
    """The modules in `folders` of the library that define `function`, or without one that of their
    own name; where `takes` is given, its first argument must be called so. None is imported to be
    found.

    A driver imports the one it is asked for, so that its code counts as that module's alone.
    """

    kind: str
    function: str
    folders: tuple[str, ...]
    takes: str = ""

    def module(self, name: str) -> str:
        """Dotted name of the module called `name`. Raises AnalysisError if there is none."""
        for path in self._files():
            if path.stem == name and self._summary(path) is not None:
                return ".".join(path.with_suffix("").relative_to(_PACKAGE.parent).parts)
        raise AnalysisError(
            f"there is no {self.kind} {name!r}; write one of {', '.join(self.summaries())}"
        )

    def summaries(self) -> dict[str, str]:
        """Name of every module -> what its function does, in one line."""
        found = {path.stem: self._summary(path) for path in self._files()}
        return {name: said for name, said in sorted(found.items()) if said is not None}

    def _files(self) -> list[Path]:
        return [path for name in self.folders for path in sorted((_PACKAGE / name).glob("*.py"))]

    def _summary(self, path: Path) -> str | None:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or node.name != (self.function or path.stem):
                continue
            if [argument.arg for argument in node.args.args][:1] == [self.takes] or not self.takes:
                return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
        return None
