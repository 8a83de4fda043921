"""What happens when the workflow is read: its configuration is checked and planned, and every job
gets its surroundings."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from genir.base import paths
from genir.run import hub
from genir.run.config import values
from genir.run.config.checks import check_config
from genir.run.config.strict_yaml import load_yaml_strict
from genir.run.plan import Plan
from genir.run.sources import Sources

NEEDS_NO_LOCK = {"fetch", "costs"}
"""Targets that can do without knowing the hub revisions."""


def read_plan(
    config: dict[str, Any],
    files: Iterable[str],
    schema: Path,
    workdir: Path,
    words: Iterable[str],
) -> Plan:
    """The plan of `config`, read from `files`, which loses its empty entries here; `words` are
    those of the command line, targets among them.

    Raises ConfigError for what is wrong in the files, a value or the name of a folder, and where
    what comes from the hub has no revision yet.
    """
    for path in files:
        load_yaml_strict(Path(path))
    values.drop_empty(config)
    check_config(config, schema, workdir)
    repository = Path(os.path.relpath(paths.REPOSITORY, workdir))
    paths.check_names([repository, *values.named_paths(config, paths.REPOSITORY, workdir)])
    named, lock = hub.named_snapshots(config), hub.read_lock(hub.LOCK_FILE)
    snapshots = hub.pinned(named, lock)
    if not NEEDS_NO_LOCK & set(words):
        hub.check_pinned(snapshots, hub.LOCK_FILE)
    return Plan(config, repository, workdir, snapshots)


def prefix(sources: Sources) -> str:
    """What the shell of every job starts with, in place of Snakemake's own `set -euo pipefail`, as
    Snakemake formats it.

    In a job of one thread what waits sleeps, should a library make more threads after all: spinning
    ones take the time of the jobs that share the cores. A job that `--set-threads` gives several
    has them spin, as OpenMP does by itself: asleep, they are slower where they are alone
    (benchmarks/README.md, `waiting.json`).
    """
    said = (
        f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(sources.library))}"
        f" SCRIPTS={shlex.quote(str(sources.scripts))} HF_HUB_OFFLINE=1 PYTHONUTF8=1;"
        ' [ "${OMP_NUM_THREADS:-1}" != 1 ] || export OMP_WAIT_POLICY=passive; '
    )
    return said.replace("{", "{{").replace("}", "}}")
