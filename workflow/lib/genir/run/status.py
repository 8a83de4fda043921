"""What a run of the workflow says while it lasts: jobs done and left, progress of the current.

No logger plugin for this: those that exist show nothing that a job logs.
"""

import logging
import os
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LOGS = "results/logs/"
SHOWN_JOBS = 4
# What Snakemake says of every run and every job; its own log file keeps all of it.
USUAL_EVENTS = {
    *("workflow_started", "run_info", "resources_info", "group_info"),
    *("job_info", "job_started", "job_finished", "progress"),
}
USUAL_MESSAGE = re.compile(
    "Assuming unrestricted shared filesystem|Building DAG of jobs|Using shell:"
    "|Select jobs to execute|Conda environments: ignored|Activating conda environment"
    "|Group jobs: inactive|Cleaning up SLURM log files|SLURM run ID"
    r"|Job \S+ has been submitted with SLURM"
)
# After this every job fails, and says so.
INTERRUPTED = "Terminating processes on user request"
FAILURES = {"error", "job_error", "group_error"}
# As genir.base.progress writes it. What is trained is told by the name of the log.
PROGRESS_LINE = re.compile(
    r"^\d\d:\d\d:\d\d (?:.* (?=step \d))?(.* \d+/\d+, [\d.]+/s, .*)$", re.MULTILINE
)
TAIL_BYTES = 4096


@dataclass
class Job:
    """A job that was started or submitted; `log` is its log file, "" if it has none."""

    rule: str
    log: str
    since: float = field(default_factory=time.time)

    @property
    def name(self) -> str:
        """Its log file as seen from results/logs, which tells it from all others; or its rule."""
        return self.log.removeprefix(LOGS).removesuffix(".log") or self.rule

    def progress(self) -> str:
        """The last line of progress in its log; "" if there is none, or only an older run's."""
        try:
            if Path(self.log).stat().st_mtime < self.since:
                return ""
            with open(self.log, "rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
                lines = PROGRESS_LINE.findall(file.read().decode(errors="replace"))
        except OSError:
            return ""
        return lines[-1] if lines else ""


def described(jobs: list[Job]) -> str:
    """Names and progress, those that log progress first; a number stands for the rest of many."""
    known = sorted(((job.name, job.progress()) for job in jobs), key=lambda pair: not pair[1])
    parts = [": ".join(filter(None, pair)) for pair in known[:SHOWN_JOBS]]
    return " | ".join(parts + [f"{len(known) - SHOWN_JOBS} more"] * (len(known) > SHOWN_JOBS))


class RunStatus(logging.Handler):
    """Stands before Snakemake's handler `inner`: holds back the usual and writes a status instead.

    On a terminal the status is one line, rewritten in place. Elsewhere it is a line for every job
    that is done, and one for the current jobs every ten seconds; after ten minutes, every 1/60 of
    the time since the start.
    """

    def __init__(self, inner: logging.StreamHandler) -> None:
        super().__init__()
        self.inner, self.stream = inner, inner.stream
        self.in_place = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.jobs: dict[int, Job] = {}
        self.finished: list[Job] = []
        self.failed: set[int] = set()
        self.done = self.total = 0
        self.said = ""
        self.interrupted = False
        self.began = time.monotonic()
        self.closed = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event = str(getattr(record, "event", None))
            self.interrupted |= str(record.msg).startswith(INTERRUPTED)
            if not self._holds_back(event, record):
                self._erase()
                self.inner.handle(record)
            self._note(event, record)
            if self.in_place:
                self.show()
        except Exception:
            self.handleError(record)

    def show(self) -> None:
        """Write the status of the current jobs."""
        with self.lock:
            if self.total:
                self._write(described(list(self.jobs.values())))

    def close(self) -> None:
        with self.lock:
            if self.in_place and not self.closed.is_set():
                self.jobs.clear()
                self.show()
                self.stream.write("\n" * bool(self.total))
            self.closed.set()
        self.inner.close()
        super().close()

    def _holds_back(self, event: str, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            return self.interrupted and event in FAILURES
        return event in USUAL_EVENTS or bool(USUAL_MESSAGE.match(str(record.msg)))

    def _note(self, event: str, record: Any) -> None:
        if event == "run_info":
            self.total = record.stats["total"]
            self.show()
            threading.Thread(target=self._show_regularly, daemon=True).start()
        elif event == "job_info":
            self.jobs[record.jobid] = Job(record.rule_name, (*record.log, "")[0])
            self.failed.discard(record.jobid)
        elif event == "job_finished" and record.job_id in self.jobs:
            self.finished.append(self.jobs.pop(record.job_id))
        elif event == "job_error":
            self.jobs.pop(record.jobid, None)
            if not self.interrupted:
                self.failed.add(record.jobid)
        elif event == "progress":
            self.done, self.total = record.done, record.total
            if not self.in_place:
                self._write(f"done: {described(self.finished)}" if self.finished else "")
            self.finished.clear()

    def _show_regularly(self) -> None:
        def seconds() -> float:
            return 1 if self.in_place else max(10, (time.monotonic() - self.began) / 60)

        while not self.closed.wait(seconds()):
            self.show()

    def _write(self, jobs: str) -> None:
        failed = f", {len(self.failed)} failed" * bool(self.failed)
        counts = f"{self.done} of {self.total} jobs done, {self.total - self.done} left{failed}"
        said = " | ".join(filter(None, [counts, jobs]))
        text = f"{time.strftime('%H:%M:%S')} {said}"
        if self.in_place:
            rows = -(-len(text) // (os.get_terminal_size(self.stream.fileno()).columns or 80))
            self.stream.write(f"\r\x1b[J{text}\r" + f"\x1b[{rows - 1}A" * (rows > 1))
        elif said != self.said:
            self.stream.write(f"{text}\n")
        self.said = said
        self.stream.flush()

    def _erase(self) -> None:
        if self.in_place and self.said:
            self.stream.write("\r\x1b[J")


def show_status(logger: logging.Logger) -> None:
    """Put a RunStatus before the handler with which Snakemake writes to the terminal."""
    for handler in [h for h in logger.handlers if h.name == "DefaultStreamHandler"]:
        logger.removeHandler(handler)
        logger.addHandler(RunStatus(handler))
