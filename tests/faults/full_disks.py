"""Disks that fill up at a bad moment."""

from collections.abc import Callable
from functools import partial
from subprocess import Popen

from disk import FILLER, fill, kept_full, small_disk
from fault import AFTER_ANALYSIS, ANALYSED, ANALYSIS, CHECKPOINT, TRAINING, Fault, Seen
from trial import Trial

ADVICE = "free space"
# What log files need.
LEFT = 1 << 19

Moment = Callable[[Trial, Popen], object]


def _fill(trial: Trial, moment: Moment, missing: tuple[str, ...] = (), left: int = LEFT) -> Seen:
    """The disk is full from a `moment` on; `missing` is what the run has to make."""
    trial.delete(*missing)
    snakemake = trial.start()
    moment(trial, snakemake)
    fill(trial.folder, left)
    trial.fails(snakemake)
    hidden = [p for p in trial.results.rglob(".*") if p.name != ".snakemake_timestamp"]
    assert not hidden, f"left: {hidden}"
    return Seen("the job failed; nothing half-written is left", trial.line(ADVICE), _free)


def _fill_for_good(trial: Trial) -> Seen:
    trial.delete(*AFTER_ANALYSIS)
    snakemake = trial.start()
    trial.wait_for_file(f"results/{ANALYSED}", snakemake)
    with kept_full(trial.folder):
        trial.fails(snakemake)
        message = trial.line(ADVICE)
    return Seen("Snakemake ended", message, _free)


def _full_at_first(trial: Trial) -> Seen:
    trial.delete(*AFTER_ANALYSIS)
    fill(trial.folder)
    trial.fails(trial.start())
    return Seen("nothing was begun", trial.line(ADVICE), _free)


def _free(trial: Trial) -> str:
    (trial.folder / FILLER).unlink()
    return "free space"


def _full_tmp(trial: Trial) -> Seen:
    trial.delete(*AFTER_ANALYSIS)
    folder = trial.folder.parent / "tmp"
    with small_disk(folder, 1):
        fill(folder)
        trial.fails(trial.start(TMPDIR=str(folder)))
        message = trial.line(ADVICE).replace(str(folder), "/tmp")
    return Seen("nothing was begun", message, lambda trial: "free space")


def _runs(script: str) -> Moment:
    return lambda trial, snakemake: trial.wait_for_job(script, snakemake)


def _saved(trial: Trial, snakemake: Popen) -> None:
    trial.wait_for_file(CHECKPOINT, snakemake)


FAULTS = [
    Fault(
        "disk full while a checkpoint is saved",
        partial(_fill, moment=_runs(TRAINING)),
        "half",
        True,
    ),
    Fault("disk full while a model is written", partial(_fill, moment=_saved), "half", True),
    Fault(
        "disk full while Parquet is written",
        partial(_fill, moment=_runs(ANALYSIS), missing=AFTER_ANALYSIS, left=0),
        disk=True,
    ),
    Fault("disk full while Snakemake notes what it made", _fill_for_good, disk=True),
    Fault("disk full before the run", _full_at_first, disk=True),
    Fault("/tmp full", _full_tmp),
]
