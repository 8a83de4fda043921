"""The folders of the library stand on floors; what a folder imports stands below it."""

import ast
import re

from workflow_sources import REPOSITORY

SENTENCE = (
    "base <- files <- {corpora, engine, estimates} <- models <- {training, subjects} <- analyses"
    " <- tables <- {figures, study, verification, pages} <- run"
)
LIBRARY = REPOSITORY / "workflow/lib"
FLOORS = [re.findall(r"\w+", floor) for floor in SENTENCE.split(" <- ")]
LEVEL = {folder: level for level, floor in enumerate(FLOORS) for folder in floor}


def imported(path):
    """Dotted names of the library that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by dots; write genir.<folder>.<module>"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name for name in names if name.partition(".")[0] == "genir")


def test_a_folder_imports_only_from_those_left_of_it():
    wrong = []
    for path in sorted(LIBRARY.glob("genir/*/**/*.py")):
        own = path.relative_to(LIBRARY).parts[1]
        for name in imported(path):
            other = name.split(".")[1]
            if other != own and not LEVEL.get(other, 99) < LEVEL.get(own, -1):
                wrong.append(f"{path.relative_to(LIBRARY)} imports {name}")
    assert not wrong, f"against {SENTENCE}: " + "; ".join(wrong)


def test_every_module_stands_in_a_folder():
    assert [path.name for path in LIBRARY.glob("genir/*.py")] == ["__init__.py"]
    folders = {path.parent.name for path in LIBRARY.glob("genir/*/__init__.py")}
    assert folders == set(LEVEL)
