"""Where the paths of a configuration lie."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from genir.base.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[4]


def check_names(paths: Iterable[Path]) -> None:
    """Raises ConfigError for a path with a name in angle brackets, which Snakemake replaces."""
    for path in paths:
        if found := re.search("<[a-z][a-z0-9_]*>", str(path)):
            raise ConfigError(
                f"{path}: Snakemake takes {found[0]} in a path for a name to fill in; rename that "
                "folder or file"
            )


def resolve(path: str, repository: Path, workdir: Path) -> Path:
    """Where a path of the config lies: `resources/...` in the repository, the rest in `workdir`."""
    return (repository if Path(path).parts[:1] == ("resources",) else workdir) / path


def as_written(path: Path | str, repository: Path, workdir: Path) -> str:
    """How the config writes a path that `resolve` gave, absolute or seen from `workdir`: it says
    nothing of where the two folders lie."""
    located = Path(os.path.normpath(workdir / path))
    for inside, base in ((repository / "resources", repository), (workdir, workdir)):
        if located.is_relative_to(inside):
            return located.relative_to(base).as_posix()
    return str(path)
