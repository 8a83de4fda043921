"""Processes that end too early, and two that run at once."""

import os
import signal
from functools import partial

from fault import (
    AFTER_ANALYSIS,
    ANALYSED,
    ANALYSIS,
    CHECKPOINT,
    GOES_ON,
    TRAINED,
    TRAINING,
    Fault,
    Seen,
)
from trial import Trial


def kill_training(trial: Trial, begun: bool = False) -> Seen:
    """kill -9 once a checkpoint is there or, if only `begun`, while it is written."""
    snakemake = trial.start()
    job = trial.wait_for_job(TRAINING, snakemake)
    pattern = CHECKPOINT.replace("*.pt", "*.*") if begun else CHECKPOINT
    file = trial.wait_for_file(pattern, snakemake)
    os.kill(job, signal.SIGKILL)
    trial.fails(snakemake)
    assert not (trial.results / TRAINED / "model").exists(), "half a model is there"
    left = "half of one" if file.suffix != ".pt" else "one"
    return Seen(f"no model is left; of checkpoints {left}", trial.line(GOES_ON))


def _kill_analysis(trial: Trial) -> Seen:
    trial.delete("patch_head", "table_patching_heads", "figure_patching_heads")
    snakemake = trial.start()
    job = trial.wait_for_job("patch_head", snakemake)
    trial.wait_for_file("results/patch_head/full/*/*.parquet", snakemake)
    os.kill(job, signal.SIGKILL)
    trial.fails(snakemake)
    left = list((trial.results / "patch_head").rglob("layer*.parquet"))
    assert not left, f"accepted: {left}"
    return Seen("Snakemake removed the files that were there already", trial.line(GOES_ON))


def _kill_snakemake(trial: Trial) -> Seen:
    snakemake = trial.start()
    trial.wait_for_job(TRAINING, snakemake)
    snakemake.kill()
    snakemake.wait()
    return _locked(trial, "the training runs on, beside that of the next run")


def _kill_group(trial: Trial) -> Seen:
    trial.delete(*AFTER_ANALYSIS)
    snakemake = trial.start()
    trial.wait_for_job(ANALYSIS, snakemake)
    os.killpg(snakemake.pid, signal.SIGKILL)
    snakemake.wait()
    return _locked(trial, "the lock is left")


def _locked(trial: Trial, what: str) -> Seen:
    trial.fails(trial.start())
    trial.line("no other instances of snakemake are running")
    return Seen(what, trial.line("--unlock"))


def _interrupt(trial: Trial) -> Seen:
    snakemake = trial.start()
    trial.wait_for_job(TRAINING, snakemake)
    trial.wait_for_file(CHECKPOINT, snakemake)
    os.killpg(snakemake.pid, signal.SIGINT)
    trial.fails(snakemake)
    assert not trial.jobs(TRAINING), "the training runs on"
    return Seen("Snakemake and the training ended", trial.line(GOES_ON))


def _terminate(trial: Trial) -> Seen:
    trial.delete(*AFTER_ANALYSIS)
    snakemake = trial.start()
    trial.wait_for_job(ANALYSIS, snakemake)
    snakemake.terminate()
    trial.fails(snakemake)
    assert (trial.results / ANALYSED).exists(), "the running job was not waited for"
    return Seen("the running job was finished, no other begun", trial.line(GOES_ON))


def _run_twice(trial: Trial) -> Seen:
    trial.delete(*AFTER_ANALYSIS)
    first = trial.start(output=trial.folder.parent / "first.out")
    trial.wait_for_job(ANALYSIS, first)
    trial.fails(trial.start())
    message = trial.line("make sure that no other Snakemake process")
    assert first.wait() == 0, "the first run was disturbed"
    return Seen("the second run ended at once, the first finished", message)


FAULTS = [
    Fault("kill -9 of a training job", kill_training, "half"),
    Fault(
        "kill -9 of a training job while it saves",
        partial(kill_training, begun=True),
        "half",
        makes=TRAINED,
    ),
    Fault("kill -9 of an analysis job, some files written", _kill_analysis),
    Fault("kill -9 of Snakemake alone, in a training", _kill_snakemake, "half"),
    Fault("kill -9 of Snakemake and its jobs, in an analysis", _kill_group),
    Fault("Ctrl-C in a training", _interrupt, "half", makes=TRAINED),
    Fault("SIGTERM to Snakemake in an analysis", _terminate),
    Fault("two Snakemake runs in one folder", _run_twice),
]
