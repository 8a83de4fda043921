"""What `--sdm conda` makes of the environments, with a stand-in for conda and with a real one."""

import re
import shutil

import pytest
from conftest import REPOSITORY

STAND_IN = """#!/bin/sh
case "$*" in
    "info --json") echo '{"conda_prefix": "/nowhere", "platform": "linux-64"}' ;;
    --version) echo "conda 24.7.1" ;;
    "config --get channel_priority --json") echo '{"get": {"channel_priority": "strict"}}' ;;
    *) echo "no conda: $*" >&2; exit 1 ;;
esac
"""


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.conda)])
def conda(request, tmp_path, monkeypatch):
    """A conda on the path that can say what it is."""
    if request.param == "real":
        assert any(map(shutil.which, ("conda", "mamba", "micromamba"))), "no conda on the path"
        return
    program = tmp_path / "bin/conda"
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")


@pytest.mark.usefixtures("conda")
@pytest.mark.parametrize(
    ("torch", "files"),
    [
        ("cpu", {"data", "train-cpu", "analysis-cpu", "plot"}),
        ("gpu", {"data", "train", "analysis", "plot"}),
    ],
)
def test_conda_gets_the_build_of_torch_that_the_config_says(snakemake, tmp_path, torch, files):
    wanted = ["--sdm", "conda", "--list-conda-envs", "--config", f"torch={torch}"]
    done = snakemake(tmp_path, *wanted)
    assert done.returncode == 0, done.stdout[-3000:]
    assert set(re.findall(r"envs/([\w-]+)\.yaml", done.stdout)) == files


def test_without_conda_the_build_of_torch_reruns_nothing(snakemake, tiny_run):
    tiny = REPOSITORY / "config/tiny.yaml"
    done = snakemake(tiny_run, "-n", "--configfile", tiny, "--config", "torch=gpu")
    assert "Nothing to be done" in done.stdout, done.stdout[-3000:]
