"""The status line, fed with the records that Snakemake logs."""

import io
import logging
import os
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from genir.run import status

FULL = "results/logs/finetune/full.log"
OTHER = "results/logs/finetune/random_start.log"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0


class Run:
    """A logger as Snakemake sets it up, with the status before its handler."""

    def __init__(self, stream: io.StringIO) -> None:
        self.stream, self.logger = stream, logging.Logger("run")
        inner = logging.StreamHandler(stream)
        inner.name = "DefaultStreamHandler"
        self.logger.addHandler(inner)
        status.show_status(self.logger)
        (self.status,) = self.logger.handlers

    def log(self, event: LogEvent, level: int = logging.INFO, **record) -> None:
        self.logger.log(level, str(event), extra={"event": event, **record})

    def start(self, jobid: int, log: str, rule: str = "finetune") -> None:
        self.log(LogEvent.JOB_INFO, jobid=jobid, rule_name=rule, log=[log] if log else [])

    def finish(self, jobid: int, done: int, total: int) -> None:
        self.log(LogEvent.JOB_FINISHED, job_id=jobid)
        self.log(LogEvent.PROGRESS, done=done, total=total)

    def lines(self) -> list[str]:
        return [line.partition(" ")[2] for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Starts a run of 89 jobs in a folder with a place for the logs of trainings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TERM", raising=False)
    (tmp_path / FULL).parent.mkdir(parents=True)
    runs = []

    def started(stream: io.StringIO) -> Run:
        runs.append(Run(stream))
        runs[0].log(LogEvent.RUN_INFO, stats={"finetune": 2, "total": 89})
        return runs[0]

    yield started
    runs[0].status.close()


def _write_progress(log: str, step: int, seconds: float = 1.0) -> None:
    with open(log, "w") as file:
        file.write("12:20:20 resumed\n")
        file.write(f"12:20:30 fine-tuning step {step}/900, 8.0/s, 1 min 10 s left, loss 0.512\n")
    now = Path(log).stat().st_mtime
    os.utime(log, (now, now + seconds))


def test_jobs_done_and_left_and_the_step_of_every_training(start):
    run = start(io.StringIO())
    run.start(1, FULL)
    run.start(2, OTHER)
    _write_progress(FULL, 300)
    run.status.show()
    _write_progress(OTHER, 70)
    run.status.show()
    run.status.show()
    run.finish(1, 1, 89)
    full = "finetune/full: step 300/900, 8.0/s, 1 min 10 s left, loss 0.512"
    other = full.replace("full", "random_start").replace("300/", "70/")
    assert run.lines() == [
        "0 of 89 jobs done, 89 left",
        f"0 of 89 jobs done, 89 left | {full} | finetune/random_start",
        f"0 of 89 jobs done, 89 left | {full} | {other}",
        f"1 of 89 jobs done, 88 left | done: {full}",
    ]


def test_progress_of_an_earlier_run_is_not_shown(start):
    run = start(io.StringIO())
    _write_progress(FULL, 900, seconds=-60)
    run.start(1, FULL)
    run.status.show()
    assert run.lines()[-1] == "0 of 89 jobs done, 89 left | finetune/full"


def test_of_many_jobs_some_are_named(start):
    run = start(io.StringIO())
    for jobid in range(9):
        run.start(jobid, f"results/logs/evaluate/{jobid}.log")
    run.start(9, "", rule="all")
    run.status.show()
    shown = "evaluate/0 | evaluate/1 | evaluate/2 | evaluate/3 | 6 more"
    assert run.lines()[-1] == f"0 of 89 jobs done, 89 left | {shown}"


def test_the_usual_is_held_back_and_everything_else_is_not(start):
    run = start(io.StringIO())
    for usual in (
        "Select jobs to execute...",
        "Job 4 has been submitted with SLURM jobid 7 (log: x)",
        "Job 9a08-55f4 has been submitted with SLURM jobid 8 (log: y)",
    ):
        run.logger.info(usual)
    run.log(LogEvent.JOB_STARTED, jobs=[1])
    run.logger.info("Nothing to be done")
    run.logger.warning("Select jobs to execute... failed")
    run.start(1, FULL)
    run.log(LogEvent.JOB_ERROR, logging.ERROR, jobid=1)
    run.finish(7, 1, 89)
    assert run.stream.getvalue().splitlines()[1:4] == [
        "Nothing to be done",
        "Select jobs to execute... failed",
        "job_error",
    ]
    assert "1 of 89 jobs done, 88 left, 1 failed" in run.lines()[-1]


def test_a_job_that_is_tried_again_has_not_failed(start):
    run = start(io.StringIO())
    for _ in range(2):
        run.start(1, FULL)
        run.log(LogEvent.JOB_ERROR, logging.ERROR, jobid=1)
    run.start(1, FULL)
    run.finish(1, 1, 89)
    assert run.lines()[-1].startswith("1 of 89 jobs done, 88 left | done: finetune/full")


def test_jobs_that_the_user_stops_do_not_fail(start):
    run = start(io.StringIO())
    run.start(1, FULL)
    run.logger.info("Terminating processes on user request, this might take some time.")
    run.log(LogEvent.JOB_ERROR, logging.ERROR, jobid=1)
    run.logger.error("a job could not be cancelled")
    run.finish(2, 1, 89)
    lines = run.stream.getvalue().splitlines()
    assert lines[1:3] == [
        "Terminating processes on user request, this might take some time.",
        "a job could not be cancelled",
    ]
    assert lines[3].endswith("1 of 89 jobs done, 88 left")


def test_on_a_terminal_one_line_is_rewritten(start, monkeypatch):
    monkeypatch.setattr(status.os, "get_terminal_size", lambda _: os.terminal_size((60, 20)))
    run = start(Terminal())
    run.start(1, FULL)
    _write_progress(FULL, 300)
    run.status.show()
    run.logger.info("Nothing to be done")
    run.status.close()
    written = run.stream.getvalue()
    assert written.count("\n") == 2
    assert "\r\x1b[JNothing to be done\n\r\x1b[J" in written
    assert "loss 0.512\r\x1b[1A\r" in written
    assert written.endswith("0 of 89 jobs done, 89 left\r\n")


def test_a_mistake_of_ours_stops_nothing(start, monkeypatch, capsys):
    run = start(io.StringIO())
    monkeypatch.setattr(run.status, "_note", lambda *_: 1 / 0)
    run.logger.error("shown")
    assert "shown" in run.stream.getvalue()
    assert "ZeroDivisionError" in capsys.readouterr().err
