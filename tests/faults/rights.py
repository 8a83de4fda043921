"""Folders that may not be written to, and clocks that were ahead."""

import os
import time
from pathlib import Path

from disk import NOBODY, as_nobody
from fault import AFTER_ANALYSIS, ANALYSED, Fault, Seen
from trial import Trial

TWO_DAYS = 2 * 24 * 60 * 60


def _not_ours(trial: Trial) -> Seen:
    trial.delete(*AFTER_ANALYSIS)
    return _refused(trial)


def _results_not_ours(trial: Trial) -> Seen:
    trial.delete(*AFTER_ANALYSIS)
    for path in (trial.folder, *trial.folder.rglob("*")):
        if trial.results not in (path, *path.parents):
            os.chown(path, NOBODY, NOBODY)
    return _refused(trial)


def _refused(trial: Trial) -> Seen:
    home = trial.folder.parent / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    trial.fails(trial.start(prefix=as_nobody(), HOME=str(home)))
    return Seen("nothing was begun", trial.line("writing is not permitted"), _as_owner)


def _as_owner(trial: Trial) -> str:
    return "run as the owner"


def _future_result(trial: Trial) -> Seen:
    return _late(trial, trial.results / ANALYSED)


def _future_start(trial: Trial) -> Seen:
    return _late(trial, trial.folder / "mini-t5/model.safetensors")


def _late(trial: Trial, path: Path) -> Seen:
    later = time.time() + TWO_DAYS
    os.utime(path, (later, later))
    trial.fails(trial.start())
    return Seen("nothing was begun", trial.line("modified in the future"))


FAULTS = [
    Fault("a folder of another user", _not_ours),
    Fault("results of another user in a folder of one's own", _results_not_ours),
    Fault("a file of the user of the day after tomorrow", _future_start),
    Fault("a result of the day after tomorrow", _future_result),
]
