"""Where the paths of a configuration lie."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


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
