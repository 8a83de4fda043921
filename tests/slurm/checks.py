"""What the SLURM profile promises, seen on a cluster: partitions, groups, recovery, errors."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from cluster import Job, jobs, processes

REPOSITORY = Path(__file__).resolve().parents[2]
PROFILE = REPOSITORY / "workflow/profiles/slurm"
# config/tiny.yaml with one model, whose training two GPUs can share.
OVERLAY = "models:\n  random_start:\nfinetuning: {accumulation: 2}\n"
EDITS = {
    "accounting: true": "accounting: false",
    "several_gpus: {}": "several_gpus: {finetune: {gpus: 2}}",
}
TRAINING, EVALUATION = "rule_finetune_wildcards_full", "rule_evaluate_wildcards_full"
# A part of the workflow that has jobs of every kind.
TARGETS = ("results/figure_encoder_swap/encoder_swap.svg", "results/figure_circuit/circuit.svg")
RANKS = "results/evaluate/full/validation.ranks.parquet"
MINUTE = 60


def check_all(folder: Path) -> None:
    """Raises AssertionError at the first promise that is not kept."""
    workflow = Workflow(folder)
    try:
        _run_with_killed_jobs(workflow)
        _interrupted_run(workflow)
        _failing_job(workflow)
    except AssertionError:
        say(workflow.said()[-6000:])
        raise
    finally:
        workflow.stop()


class Workflow:
    """The tiny workflow in a folder of its own, with the profile as a user would edit it."""

    def __init__(self, folder: Path) -> None:
        self.results, self.profile = folder / "trial", folder / "profile"
        self.started: list[subprocess.Popen[str]] = []
        self.overlay = folder / "one_model.yaml"
        self.overlay.write_text(OVERLAY)
        shutil.copytree(PROFILE, self.profile)
        file = self.profile / "config.yaml"
        for line, edited in EDITS.items():
            text = file.read_text()
            assert f"\n  {line}" in text, f"the profile has no line '{line}' to edit"
            file.write_text(text.replace(f"\n  {line}", f"\n  {edited}"))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Snakemake, writing to `output`."""
        command = [sys.executable, "-m", "snakemake", "--workflow-profile", str(self.profile)]
        command += ["--directory", str(self.results), "--slurm-init-seconds-before-status-checks=2"]
        command += ["--configfile", str(REPOSITORY / "config/tiny.yaml"), str(self.overlay)]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        with self.output.open("w") as output:
            snakemake = subprocess.Popen(
                [*command, *arguments],
                cwd=REPOSITORY,
                env=os.environ | {"PATH": path},
                stdout=output,
                stderr=output,
                text=True,
            )
        self.started.append(snakemake)
        return snakemake

    def run(self, *arguments: str) -> int:
        return self.start(*arguments).wait(5 * MINUTE)

    def stop(self) -> None:
        """Nothing is left running, whatever happened."""
        for snakemake in self.started:
            snakemake.kill()
            snakemake.wait()

    @property
    def output(self) -> Path:
        return self.profile.parent / "snakemake.out"

    def said(self) -> str:
        return self.output.read_text()


def say(line: str) -> None:
    print(line, flush=True)


def show(job: Job) -> None:
    gres = job.gres.removeprefix("gres:").replace("N/A", "-")
    columns = f"{job.id:>4} {job.state:<10} {job.partition} {job.memory:>6} {gres:<6}"
    say(f"  {columns} {job.comment[:60]}")


def _beginning(comment: str) -> list[Job]:
    return [job for job in jobs() if job.comment.startswith(comment)]


def _named(comment: str, since: int = 0) -> list[Job]:
    return [job for job in jobs() if job.id > since and job.comment == comment]


def _wait_for(
    comment: str, script: str, snakemake: subprocess.Popen[str], since: int = 0
) -> tuple[Job, int]:
    """A running job and the process of its script."""
    for _ in range(10 * MINUTE):
        for job in _named(comment, since):
            found = processes(job, f"scripts/{script}.py") if job.state == "RUNNING" else []
            if found:
                return job, found[-1]
        assert snakemake.poll() is None, f"Snakemake ended before {comment} ran"
        time.sleep(0.5)
    raise AssertionError(f"{comment} did not run")


def _run_with_killed_jobs(workflow: Workflow) -> None:
    say("The tiny workflow; its training is cancelled, its evaluation killed.")
    snakemake = workflow.start("--", *TARGETS)
    training, _ = _wait_for(TRAINING, "finetune", snakemake)
    subprocess.run(["scancel", str(training.id)], check=True)
    say(f"  scancel {training.id} ({TRAINING})")
    evaluation, process = _wait_for(EVALUATION, "evaluate", snakemake)
    os.kill(process, signal.SIGKILL)
    say(f"  kill -9 of a process of {evaluation.id} ({EVALUATION})")
    assert snakemake.wait(9 * MINUTE) == 0, "Snakemake did not finish"
    for job in jobs():
        show(job)

    assert all((workflow.results / target).exists() for target in TARGETS)
    assert re.search(r"finetune/full: step \d+/\d+, .* left", workflow.said()), (
        "the progress of the training is not shown"
    )
    _check_attempts(TRAINING, "CANCELLED")
    _check_attempts(EVALUATION, "FAILED")
    once = [job for job in jobs() if job.comment not in (TRAINING, EVALUATION)]
    assert all(job.state == "COMPLETED" for job in once), once
    for group in ("data", "selection", "tables"):
        assert len(_beginning(f"rule_{group}_")) == 1, f"{group} was not submitted as one job"
    for rule in ("export_corpus", "correct_queries", "table_", "figure_"):
        assert not _beginning(f"rule_{rule}"), f"{rule} was submitted outside its group"
    for rule in ("finetune", "evaluate", "encoder_swap", "patch_stage_full", "circuit_full"):
        found = _beginning(f"rule_{rule}")
        assert found, f"no job of {rule}"
        assert all(job.partition == "gpu" for job in found), found
        assert all(f"gpu:{1 + (job.comment == TRAINING)}" in job.gres for job in found), found
    record = json.loads((workflow.results / "results/finetune/full/run.json").read_text())
    assert record["processes"] == 2
    for group in ("data_", "selection_", "tables_"):
        found = _beginning(f"rule_{group}")
        assert all(job.partition == "cpu" and "gpu" not in job.gres for job in found), found
    logs = [path.stem for path in (workflow.results / "results/logs/slurm").rglob("*.log")]
    assert str(evaluation.id) in logs, "no log of the failed job is left"
    say("  ok: finished; what was cancelled or killed was submitted again with twice the memory;")
    say("      trainings and analyses on GPUs, one training on two; data, selection and tables one")
    say("      job each.")


def _check_attempts(comment: str, first_state: str) -> None:
    attempts = _named(comment)
    assert [job.state for job in attempts] == [first_state, "COMPLETED"], attempts
    first, second = (float(job.memory.rstrip("MG")) for job in attempts)
    assert second == 2 * first, attempts


def _interrupted_run(workflow: Workflow) -> None:
    say("Ctrl-C while a job runs, then the same command again.")
    last = max(job.id for job in jobs())
    snakemake = workflow.start("--force", "--", RANKS)
    _wait_for(EVALUATION, "evaluate", snakemake, last)
    snakemake.send_signal(signal.SIGINT)
    assert snakemake.wait(2 * MINUTE) != 0, "Snakemake was not interrupted"
    time.sleep(5)
    (stopped,) = _named(EVALUATION, last)
    show(stopped)
    assert stopped.state == "CANCELLED", stopped
    assert workflow.run("--", RANKS) == 0, "the interrupted run did not go on"
    (again,) = _named(EVALUATION, stopped.id)
    show(again)
    assert (workflow.results / RANKS).exists()
    say("  ok: the job was cancelled, and the next command ran it again.")


def _failing_job(workflow: Workflow) -> None:
    say("A job that cannot work: an evaluation with 300 MiB.")
    last = max(job.id for job in jobs())
    options = ["--force", "--restart-times=0", "--set-resources", "evaluate:mem_mb=300"]
    assert workflow.run(*options, "--", RANKS) != 0, "Snakemake took a failed job for a good one"
    (failed,) = _named(EVALUATION, last)
    show(failed)
    assert failed.state == "FAILED", failed
    message = [line for line in workflow.said().splitlines() if "mem_mb is 300" in line]
    assert message, "the message of the job is not shown"
    say(f"  ok: Snakemake shows its message: {message[0].strip()}")
