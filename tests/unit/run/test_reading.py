"""What happens when the workflow is read."""

import subprocess

import pytest
from plans import REPOSITORY
from snakemake.utils import update_config

from genir.base.errors import ConfigError
from genir.run.config.strict_yaml import load_yaml_strict
from genir.run.reading import prefix, read_plan
from genir.run.sources import Sources

DEFAULT = REPOSITORY / "config/config.yaml"
SCHEMA = REPOSITORY / "workflow/schemas/config.schema.yaml"
FROM_HUB = {
    "dataset": "hpo-2k",
    "start": {"type": "hub", "id": "someone/t5", "encoder_layers": 1, "decoder_layers": 3},
}


def read(workdir, *words, files=(DEFAULT,), **changes):
    config = load_yaml_strict(DEFAULT)
    update_config(config, changes)
    return read_plan(config, map(str, files), SCHEMA, workdir, words)


def test_the_default_configuration_has_a_plan(tmp_path):
    plan = read(tmp_path)
    assert plan.headline == "full"
    assert not plan.repository.is_absolute()


def test_a_key_that_comes_twice_is_refused_in_any_of_the_files(tmp_path):
    twice = tmp_path / "twice.yaml"
    twice.write_text("seed: 1\nseed: 2\n")
    with pytest.raises(ConfigError, match=r"twice\.yaml.*seed"):
        read(tmp_path, files=(DEFAULT, twice))


def test_a_wrong_value_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="seed"):
        read(tmp_path, seed="seven")


def test_a_folder_with_a_name_that_snakemake_fills_in_is_refused(tmp_path):
    folder = tmp_path / "<model>"
    folder.mkdir()
    (folder / "mini-t5").symlink_to(REPOSITORY / "resources/mini-t5")
    named = {"full": {"start": {"type": "folder", "path": "<model>/mini-t5"}}}
    with pytest.raises(ConfigError, match="<model>"):
        read(tmp_path, models=named)


@pytest.mark.parametrize("target", ["fetch", "costs"])
def test_what_is_not_fetched_yet_can_only_be_fetched_or_costed(tmp_path, monkeypatch, target):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="fetch"):
        read(tmp_path, "all", models={"other": FROM_HUB})
    (start,) = read(tmp_path, target, models={"other": FROM_HUB}).snapshots
    assert start.id == "someone/t5"


def said_by_a_job(workflow, command, **environment):
    shell = prefix(Sources(workflow, "cpu")).format() + command
    own = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(["bash", "-c", shell], env=own, capture_output=True, text=True)


def test_jobs_find_scripts_and_library_wherever_they_lie(tmp_path):
    workflow = tmp_path / "it's {odd} $here"
    done = said_by_a_job(workflow, 'echo "$SCRIPTS"; echo "$PYTHONPATH"')
    assert done.stdout.splitlines() == [f"{workflow}/scripts", f"{workflow}/lib"]


def test_a_job_ends_with_its_first_failure(tmp_path):
    assert said_by_a_job(tmp_path, "false | true; echo on").stdout == ""
    assert said_by_a_job(tmp_path, 'echo "$UNSET"; echo on').stdout == ""


@pytest.mark.parametrize(("threads", "policy"), [("1", "passive"), ("2", "left alone")])
def test_only_in_a_job_of_one_thread_what_waits_sleeps(tmp_path, threads, policy):
    asked = 'echo "${OMP_WAIT_POLICY:-left alone}"'
    assert said_by_a_job(tmp_path, asked, OMP_NUM_THREADS=threads).stdout.strip() == policy
