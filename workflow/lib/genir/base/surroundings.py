"""What a run takes from the environment that it is started in: the encoding, and what leaks from
there into the environments that conda makes."""

import os
import site
import sys
from collections.abc import Iterator
from pathlib import Path

from genir.base.errors import SurroundingsError


def check_encoding() -> None:
    """Raises SurroundingsError unless Python reads file names and arguments as UTF-8."""
    encoding = sys.getfilesystemencoding()
    if encoding.lower().replace("-", "") != "utf8":
        named = [name for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)]
        said = f"{named[0]}={os.environ[named[0]]}" if named else "none is set"
        raise SurroundingsError(
            f"the locale ({said}) makes Python take file names for {encoding}; run "
            "`export LC_ALL=C.UTF-8`, or `export PYTHONUTF8=1`, and start again"
        )


def keep_apart(snakemake: Path, submits: bool) -> None:
    """Take what would leak into environments of the workflow's own out of the environment of this
    process: packages in PYTHONPATH and in the user's ~/.local. Conda hands both on to pip, which
    then leaves out what it finds there, and Python prefers them later.

    Raises SurroundingsError if jobs are submitted and `snakemake`, which they start with, is such
    a package itself.
    """
    for name, folder in _outside():
        if submits and snakemake.is_relative_to(folder):
            raise SurroundingsError(
                f"Snakemake comes from {folder}, which {name} names: environments made with it "
                "there lack packages. Put Snakemake into an environment of its own, run "
                "`unset PYTHONPATH`, and start again"
            )
    os.environ["PYTHONNOUSERSITE"] = "1"
    os.environ.pop("PYTHONPATH", None)


def check_prefix(folder: Path) -> None:
    """Raises SurroundingsError for a place of environments whose name Snakemake cannot hand on."""
    if found := set(str(folder)) & set("'\"$`\\"):
        raise SurroundingsError(
            f"Snakemake cannot make environments in {folder}, for {' '.join(sorted(found))}; "
            "name another folder with --conda-prefix"
        )


def _outside() -> Iterator[tuple[str, Path]]:
    """Folders of packages beside an environment's own, and what names them."""
    for folder in filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        yield "PYTHONPATH", Path(folder).resolve()
    yield "Python's user site", Path(site.getusersitepackages()).resolve()
