"""Running the workflow from tests, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGS = sorted((REPOSITORY / "config").glob("*.yaml"))
Snakemake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def snakemake() -> Snakemake:
    """Runs snakemake on the repository's workflow, in `directory`."""

    def run(directory: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "snakemake", "--directory", directory, *arguments]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.run(
            [str(part) for part in command],
            cwd=REPOSITORY,
            env=os.environ | {"PATH": path},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    return run


@pytest.fixture(scope="session")
def tiny_run(snakemake: Snakemake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of config/tiny.yaml."""
    folder = tmp_path_factory.mktemp("tiny")
    done = snakemake(folder, "--configfile", REPOSITORY / "config/tiny.yaml")
    assert done.returncode == 0, done.stdout[-6000:]
    return folder
