"""The SLURM profile without SLURM: what it says of every job."""

import re
import subprocess
import sys

import pytest
import yaml
import yte
from conftest import REPOSITORY, stand_in
from snakemake.resources import Resource
from workflow_sources import rules

from genir.run import artifacts

PROFILE = REPOSITORY / "workflow/profiles/slurm/config.yaml"
SCRIPTS = {path.stem for path in (REPOSITORY / "workflow/scripts").glob("*.py")}
ANALYSES = {analysis.name for analysis in artifacts.ANALYSES} | {"trace_query", "verify_engine"}
TRAININGS = {
    "pretrain",
    "pretrain_snapshot",
    "finetune",
    "finetune_reduced",
    "train_query_generator",
    "generate_queries",
}
MADE = {artifact.rule for artifact in [*artifacts.TABLES, *artifacts.FIGURES]}
KINDS = {*SCRIPTS, *TRAININGS, *ANALYSES, *MADE}
# Snakemake shows a rule's message in place of what it asks for; this shows both.
SHOW_RESOURCES = """
from snakemake import cli, logging
formatter = logging.DefaultFormatter
formatter.format_job_info = lambda self, job: "\\n".join(self._format_job_info(job))
cli.main()
"""
CONFIG = """
headline_model: mine
pretraining: {snapshots: [5]}
evaluation: {attention_mask: as_released}
models:
  full:
  random_start:
  mine:
    dataset: hpo-2k
    start: {type: pretraining, step: 5}
    indexing: d2q
    reduced: {models: 2, documents: 3}
query_generators:
  d2q:
    type: trained
    start: {type: folder, path: resources/mini-t5}
    training: {seed: 1, steps: 2, batch_size: 8, dropout_rate: 0.0, learning_rate: 0.001,
               warmup_steps: 1, decay_fraction: 0.5, checkpoint_every: 2}
    queries_per_document: 1
    top_k: 2
    temperature: 1.0
    document_tokens: 16
    query_tokens: 8
    seed: 1
"""


def _profile(**values):
    """The profile, with other values of its variables."""
    text = PROFILE.read_text()
    for key, value in values.items():
        text, count = re.subn(rf'(?m)^  {key}: *("[^"]*"|\S+)', f"  {key}: {value}", text)
        assert count == 1, key
    return yte.process_yaml(text, require_use_yte=True)


def _place(profile, *names):
    """Partition and gres of a job whose input has `names`."""
    return tuple(_value(profile, key, names) for key in ("slurm_partition", "gres"))


def _value(profile, resource, names=()):
    """What Snakemake makes of a default resource for a job whose input has `names`."""
    expression = profile["default-resources"][resource]
    found = Resource.from_cli_expression(resource, expression, with_threads_arg=False).evaluate(
        *(None, dict.fromkeys(names), 1, "rule", None)
    )
    return found.value


def _asked_for(directory, *arguments):
    """What the jobs of every rule ask for: {kind of job: resources of each}."""
    config = directory / "trains_all.yaml"
    config.write_text(CONFIG)
    command = [sys.executable, "-c", SHOW_RESOURCES, "-n", "--workflow-profile", PROFILE.parent]
    command += ["--directory", directory, "--configfile", config, *arguments]
    done = subprocess.run(
        [str(part) for part in command],
        cwd=REPOSITORY,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    asked = {}
    for rule, body in re.findall(r"(?m)^ *(?:local)?rule (\w+):\n((?: {4,}.+\n)+)", done.stdout):
        resources = dict(re.findall(r"(\w+)=([^,\n]*)", body.partition("resources: ")[2]))
        asked.setdefault(_kind_of(rule), []).append(resources)
    return asked


def _kind_of(rule):
    """What a rule is named after; a generated rule's name has more behind it."""
    return max((name for name in KINDS if rule.startswith(name)), key=len, default=rule)


@pytest.fixture(scope="module")
def asked_for(tmp_path_factory):
    return _asked_for(tmp_path_factory.mktemp("slurm"))


@pytest.fixture(scope="module")
def second_attempt(tmp_path_factory):
    """The same of every job's second attempt, by a profile that gives trainings several GPUs."""
    folder = tmp_path_factory.mktemp("slurm_second")
    profile = _profile(several_gpus="{finetune: {gpus: 4}, pretrain: {gpus: 2, nodes: 3}}")
    copy = folder / "profile/config.yaml"
    copy.parent.mkdir()
    copy.write_text(yaml.safe_dump(profile))
    return _asked_for(folder, "--attempt", "2", "--workflow-profile", copy.parent)


def test_the_profile_says_what_a_cluster_needs():
    profile = _profile()
    assert profile["executor"] == "slurm"
    assert profile["rerun-incomplete"] is True
    assert profile["restart-times"] > 0
    # A group asks for at most so many cores, and with a default of `tasks` for many times that.
    assert profile["cores"] == 2
    assert "tasks" not in profile["default-resources"]


def test_accounting_and_account():
    assert _profile()["slurm-status-command"] == "sacct"
    assert _profile(accounting="false")["slurm-status-command"] == "squeue"
    assert "slurm_account" not in _profile()["default-resources"]
    assert _value(_profile(account='"p-1"'), "slurm_account") == "p-1"


def test_jobs_of_seconds_are_submitted_together():
    assert {artifact.group for artifact in [*artifacts.TABLES, *artifacts.FIGURES]} == {"tables"}
    grouped = {rule["name"] for rule in rules() if "group" in rule["keys"]}
    seconds = "export_corpus subset_corpus correct_queries removed_documents retrieval_metrics"
    seconds += " query_slices circuit_scores"
    assert grouped == {*seconds.split(), "summary", "tables", "figures", "explorer"}
    assert "groups" not in _profile()
    assert _profile()["group-components"] == {"tables": 1000}


def test_trainings_and_analyses_ask_for_a_gpu_and_nothing_else_does(asked_for):
    places = {
        rule: {(job["slurm_partition"], job["gres"]) for job in jobs}
        for rule, jobs in asked_for.items()
    }
    gpu = {rule for rule, found in places.items() if found == {("gpu", "gpu:1")}}
    cpu = {rule for rule, found in places.items() if found == {("cpu", "")}}
    # No model of the default configuration is patched by donors, and no circuit is written unasked.
    assert gpu == (TRAININGS | ANALYSES) - {"donors", "circuit_model"}
    assert cpu == set(places) - gpu


def test_analyses_can_stay_off_the_gpus():
    profile = _profile(gpu_analyses="false", gpu_partition="a100", gpu_gres='"gpu:a100"')
    assert _place(profile, "documents", "start") == ("a100", "gpu:a100:1")
    # An analysis of a model from the hub reads where it started too.
    assert _place(profile, "model", "start") == ("cpu", "")


def test_a_training_gets_the_gpus_that_the_profile_gives_it(second_attempt):
    names = ("gpus", "nodes", "gres", "cpus_per_task")
    found = {
        rule: {tuple(job.get(name) for name in names) for job in second_attempt[rule]}
        for rule in ("finetune", "pretrain", "finetune_reduced", "evaluate")
    }
    assert found == {
        "finetune": {("4", "1", "gpu:4", "4")},
        "pretrain": {("2", "3", "gpu:2", "2")},
        "finetune_reduced": {("0", "1", "gpu:1", None)},
        "evaluate": {(None, None, "gpu:1", None)},
    }


def test_without_gpus_everything_is_on_the_cpu_partition():
    profile = _profile(cpu_partition="main", gpu_partition='""')
    for names in (["model"], ["start"], ["table"]):
        assert _place(profile, *names) == ("main", "")


def test_memory_grows_with_every_attempt(asked_for, second_attempt):
    for rule in set(asked_for) - {"all"}:
        before, after = (int(asked[rule][0]["mem_mb"]) for asked in (asked_for, second_attempt))
        assert after == 2 * before, rule


def test_the_profile_is_found_by_its_name_and_groups_models_that_exist_already(snakemake, tmp_path):
    config = REPOSITORY / "config/published.yaml"
    stand_in(tmp_path, config)
    done = snakemake(tmp_path, "-n", "--workflow-profile", "slurm", "--configfile", config)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Group job tables" in done.stdout
