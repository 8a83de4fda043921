"""envs/Dockerfile, read and not built: a build needs a container engine and an image registry."""

import re
import shlex
import shutil

import pytest
import yaml
from conftest import REPOSITORY

DOCKERFILE = REPOSITORY / "envs/Dockerfile"
# The instructions that a Dockerfile may have here; every other word at a line's start is a mistake.
KNOWN = {"FROM", "ARG", "COPY", "RUN", "WORKDIR", "ENV", "USER", "ENTRYPOINT"}
PLACE = "/genir/"


def _instructions():
    """(instruction, arguments), lines that go on joined."""
    text = re.sub(r"(?m)^#.*\n", "", DOCKERFILE.read_text()).replace("\\\n", " ")
    return [line.split(maxsplit=1) for line in text.splitlines() if line]


def _copied():
    """Paths of the repository that are copied, and where to."""
    return dict(arguments.split() for name, arguments in _instructions() if name == "COPY")


def _python(file):
    return re.search(r"python[=:](\d+\.\d+)\b", file.read_text())[1]


def test_it_parses():
    instructions = _instructions()
    assert {name for name, _ in instructions} == KNOWN
    assert instructions[0][0] == "FROM"
    assert all(len(shlex.split(arguments)) > 0 for _, arguments in instructions)
    assert instructions[-1][0] == "ENTRYPOINT"
    assert isinstance(yaml.safe_load(instructions[-1][1]), list)


def test_its_packages_are_the_requirements_and_nothing_else():
    installs = [arguments for name, arguments in _instructions() if "install" in arguments]
    assert installs == [
        'pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" -r /genir/requirements.txt'
    ]
    assert _copied()["requirements.txt"] == PLACE
    assert not re.search(r"[=<>~]=", DOCKERFILE.read_text())


def test_python_and_the_cpu_build_are_those_of_the_environments():
    text = DOCKERFILE.read_text()
    for file in (REPOSITORY / "envs").glob("*.yaml"):
        assert _python(file) == _python(DOCKERFILE), file.name
        for index in re.findall(r"--extra-index-url (\S+)", file.read_text()):
            assert f"ARG TORCH_INDEX={index}\n" in text


def test_nobody_is_root():
    (user,) = [arguments for name, arguments in _instructions() if name == "USER"]
    assert int(user) >= 1000


def test_the_build_is_sent_what_is_copied_and_no_results():
    lines = (REPOSITORY / "envs/Dockerfile.dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(_copied())


@pytest.fixture
def image(tmp_path):
    """What is copied into the image, laid out as there."""
    for source, place in _copied().items():
        target = tmp_path / "image" / place.removeprefix(PLACE)
        if (REPOSITORY / source).is_dir():
            shutil.copytree(REPOSITORY / source, target)
    return tmp_path / "image"


def test_what_is_copied_is_enough_to_plan_a_run(snakemake, image, tmp_path):
    wanted = ["--snakefile", image / "workflow/Snakefile", "--configfile"]
    done = snakemake(tmp_path / "mine", "-n", *wanted, image / "config/tiny.yaml")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "finetune" in done.stdout
