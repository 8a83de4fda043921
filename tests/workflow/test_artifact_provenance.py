"""Every artifact of a finished run says what made it, and nothing about the machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY
from run_comparison import OF_THE_RUN

from genir.files.provenance import FOLDER_FILE, read_provenance


@pytest.fixture(scope="module")
def artifacts(tiny_run):
    """Path below the run's folder -> provenance, of every artifact; `None` for what carries it."""
    found = {}
    for path in sorted((tiny_run / "results").rglob("*")):
        place = path.relative_to(tiny_run / "results").parts
        if path.is_file() and place[0] not in OF_THE_RUN and path.name != ".snakemake_timestamp":
            carries = path.name.endswith(FOLDER_FILE)
            found[path.relative_to(tiny_run)] = None if carries else read_provenance(path)
    assert len(found) > 300
    return found


def _provenances(artifacts):
    return {path: value for path, value in artifacts.items() if value is not None}


# Folders that are named otherwise than the script or the analysis.
NAMES = {"circuit": "circuit_ranks", "finetune_reduced": "finetune"}


def test_its_script_is_named_like_its_folder(artifacts):
    """The script itself, or what a driver such as table.py was asked for."""
    for path, provenance in _provenances(artifacts).items():
        script, name = provenance["script"], path.parts[1].removesuffix(".json")
        asked_for = provenance["arguments"][0]
        assert NAMES.get(name, name) in (script, asked_for, f"{script}_{asked_for}"), path


def test_it_is_of_the_job_that_wrote_the_artifact(artifacts):
    """No job may overwrite what another one's artifact carries: the arguments name the artifact,
    its stem, or a folder of it that is the job's own."""
    for path, provenance in _provenances(artifacts).items():
        folders = [folder for folder in path.parents if len(folder.parts) > 2]
        names = [str(name) for name in (path, path.with_suffix(""), *folders)]
        assert any(name in part for name in names for part in provenance["arguments"]), path


def test_what_carries_it_lies_beside_an_artifact(artifacts):
    for path in [path for path, provenance in artifacts.items() if provenance is None]:
        stem = path.name.removesuffix(FOLDER_FILE)
        beside = [p for p in artifacts if p.parent == path.parent and p.name.startswith(stem)]
        assert len(beside) > 1, path


def test_nothing_names_a_folder_of_the_machine(artifacts, tiny_run):
    for path in artifacts:
        content = (tiny_run / path).read_bytes()
        for folder in (tiny_run, REPOSITORY):
            assert str(folder).encode() not in content, path
    for path, provenance in _provenances(artifacts).items():
        assert not [part for part in provenance["arguments"] if "../" in part], path


def test_seeds_and_settings_of_a_training(artifacts):
    full, reduced = (
        artifacts[Path(f"results/{folder}/model/model.safetensors")]
        for folder in ("finetune/full", "finetune_reduced/full-rd1")
    )
    assert full["seeds"] == reduced["seeds"]
    assert full["seeds"]["settings.seed"] > 0
    assert full["config_hash"] != reduced["config_hash"]
    assert {"python", "torch", "transformers", "tokenizers"} <= set(full["versions"])


def test_its_arguments_make_the_same_bytes_with_more_memory(artifacts, tiny_run, tmp_path):
    """As a second attempt on SLURM has it."""
    path = Path("results/contributions/full.parquet")
    provenance = artifacts[path]
    assert not [part for part in provenance["arguments"] if "memory_mb" in part]
    (tmp_path / "results").mkdir()
    for inputs in ("results/finetune", "results/subset_corpus"):
        (tmp_path / inputs).symlink_to(tiny_run / inputs)
    script = REPOSITORY / f"workflow/scripts/{provenance['script']}.py"
    command = [script, *provenance["arguments"], "--limits.memory_mb=9000"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "workflow/lib")},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / path).read_bytes() == (tiny_run / path).read_bytes()
