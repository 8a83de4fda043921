"""What the rules of the workflow declare and what their scripts import, read from the files."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

from genir.run import artifacts

REPOSITORY = Path(__file__).resolve().parents[2]
RULES = REPOSITORY / "workflow/rules"
RULE = re.compile(r"^( *)rule ?(\w*):\n((?:\1    .*\n|\n)+)", re.MULTILINE)


def rules() -> list[dict[str, Any]]:
    """Name, declared keys, script and environment of every rule of the workflow."""
    found = []
    for file in sorted(RULES.glob("*.smk")):
        for match in re.finditer(
            r"^( *)rule ?(\w*):\n((?:\1    .*\n|\n)+)", file.read_text(), re.M
        ):
            body = match[3]
            keys = set(re.findall(rf"^{match[1]}    (\w+):", body, re.M))
            scripts = re.findall(r"\$SCRIPTS/(\w+)\.py(?: (\w+))?", body)
            environments = re.findall(r'environment\("(\w+)"\)', body)
            found.append(
                {
                    "name": match[2] or file.stem,
                    "keys": keys,
                    "shell": "shell" in keys,
                    "script": scripts[-1][0] if scripts else None,
                    "entry": scripts[-1][1] if scripts else "",
                    "environment": environments[0] if environments else None,
                }
            )
    return found


def jobs() -> list[tuple[str, str, tuple[str, ...]]]:
    """Script, environment and modules that the script loads by name, of every kind of job."""
    static = [(rule["script"], rule["environment"], ()) for rule in rules()]
    found = [job for job in static if job[0] and job[1] and job[0] not in ("table", "figure")]
    found += [(a.driver, "analysis", (a.module,)) for a in artifacts.ANALYSES]
    made = [*artifacts.TABLES, *artifacts.FIGURES]
    return found + [(a.kind, a.environment, (a.module,)) for a in made]


@cache
def _imports(path: Path) -> list[list[str]]:
    """What each import statement of a file can mean: `from a import b` both a and a.b."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.append([alias.name for alias in node.names])
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append([node.module, *(f"{node.module}.{a.name}" for a in node.names)])
    return found


def imported_packages(script: Path, library: Path, *modules: str) -> set[str]:
    """Top-level names of everything a script and the modules that it loads by name import, through
    the library and its neighbours."""
    seen: set[Path] = set()
    names: set[str] = set()

    def visit(path: Path) -> None:
        if path in seen:
            return
        seen.add(path)
        for modules in _imports(path):
            for module in modules:
                own = [
                    root / (module.replace(".", "/") + ".py") for root in (library, script.parent)
                ]
                found = [candidate for candidate in own if candidate.is_file()]
                for candidate in found:
                    visit(candidate)
                if not found and not module.startswith("genir"):
                    names.add(module.partition(".")[0])

    for path in [script, *(library / f"{name.replace('.', '/')}.py" for name in modules)]:
        visit(path)
    return names
