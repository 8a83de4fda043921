"""Modules that a driver finds by name: those of a folder that define its entry function."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from genir.base.errors import AnalysisError

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Entries:
    """The modules in `folders` of the library that define `function`, or without one that of their
    own name; where `takes` is given, its first argument must be called so. Those in `without` are
    none. None is imported to be found.

    A driver imports the one it is asked for, so that its code counts as that module's alone.
    """

    kind: str
    function: str
    folders: tuple[str, ...]
    takes: str = ""
    without: tuple[str, ...] = ()

    def module(self, name: str) -> str:
        """Dotted name of the module called `name`. Raises AnalysisError if there is none."""
        for folder in self.folders if name.isidentifier() else ():
            path = _PACKAGE / folder / f"{name}.py"
            if path.is_file() and self._summary(path) is not None:
                return ".".join(filter(None, (_PACKAGE.name, folder, name)))
        raise AnalysisError(
            f"there is no {self.kind} {name!r}; write one of {', '.join(self.summaries())}"
        )

    def summaries(self) -> dict[str, str]:
        """Name of every module -> what its function does, in a few words."""
        files = [path for folder in self.folders for path in (_PACKAGE / folder).glob("*.py")]
        found = {path.stem: self._summary(path) for path in files}
        return {name: said for name, said in sorted(found.items()) if said is not None}

    def _summary(self, path: Path) -> str | None:
        if path.stem in self.without:
            return None
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or node.name != (self.function or path.stem):
                continue
            if not self.takes or [a.arg for a in node.args.args][:1] == [self.takes]:
                said = " ".join((ast.get_docstring(node) or "").split())
                return re.split(r"[.,:;] |\.$", said)[0]
        return None
