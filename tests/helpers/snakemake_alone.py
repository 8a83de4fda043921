"""Runs Snakemake as in an environment that holds nothing else: what else is installed cannot be
imported. Arguments are Snakemake's."""

import pkgutil
import re
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import distribution, packages_distributions
from typing import Any

from packaging.requirements import Requirement


def required(name: str) -> set[str]:
    """This distribution and all that it requires, without extras."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found.add(name)
        wanted = map(Requirement, distribution(name).requires or [])
        waiting += [w.name for w in wanted if not w.marker or w.marker.evaluate({"extra": ""})]
    return found


class Without:
    """Python's own finder of what is installed, but for some packages."""

    def __init__(self, packages: set[str]) -> None:
        self.packages = packages
        self.find_distributions = PathFinder.find_distributions
        self.invalidate_caches = PathFinder.invalidate_caches

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        absent = name.partition(".")[0] in self.packages
        return None if absent else PathFinder.find_spec(name, path, target)


def absent() -> set[str]:
    """Packages of all other distributions."""
    kept = required("snakemake")
    return {
        package
        for package, distributions in packages_distributions().items()
        if not kept & {re.sub(r"[-_.]+", "-", name).lower() for name in distributions}
    }


if __name__ == "__main__":
    packages, modules = absent(), pkgutil.iter_modules
    sys.meta_path[sys.meta_path.index(PathFinder)] = Without(packages)
    # Snakemake looks for its plugins in this way.
    pkgutil.iter_modules = lambda *args: (m for m in modules(*args) if m.name not in packages)
    from snakemake.cli import main

    main()
