"""Snakemake in an environment of its own, as users of conda have it, can read the workflow."""

import subprocess
import sys

import pytest
from conftest import CONFIGS, REPOSITORY, stand_in

ALONE = REPOSITORY / "tests/helpers/snakemake_alone.py"


def _alone(folder, *arguments):
    command = [sys.executable, ALONE, "--directory", folder, *arguments]
    return subprocess.run(
        [str(part) for part in command],
        cwd=REPOSITORY,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_the_workflow_is_planned_by_snakemake_alone(tmp_path, config):
    stand_in(tmp_path, config)
    done = _alone(tmp_path, "-n", "--configfile", config)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "This was a dry-run" in done.stdout


def test_a_finished_run_is_read_by_snakemake_alone(tiny_run):
    done = _alone(tiny_run, "-n", "--configfile", REPOSITORY / "config/tiny.yaml")
    assert "Nothing to be done" in done.stdout, done.stdout[-3000:]


def test_alone_means_without_the_packages_of_the_jobs():
    hidden = "import sys; sys.path.insert(0, 'tests/helpers'); from snakemake_alone import absent"
    program = f"{hidden}; print(*absent())"
    said = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True)
    packages = set(said.stdout.decode().split())
    assert {"torch", "transformers", "pyarrow", "pandas", "numpy", "scipy", "pygments"} <= packages
    assert not {"snakemake", "yaml", "jsonschema"} & packages
