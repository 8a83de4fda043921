"""How long a run of the workflow took, per rule, out of its benchmark files."""

import csv
import time
from pathlib import Path
from typing import Any

from genir.files.io import write_json


class Timing:
    """Writes `<results>/timing.json` after a run in which every job ran.

    workflow_seconds is wall time from the first to the last job, idle_seconds the part of it in
    which no job ran; `rules.<rule>` has jobs, their summed seconds and the largest resident memory
    of one, in MB.
    """

    def __init__(self, results: Path) -> None:
        self.results, self.started = results, time.time()

    def start(self) -> None:
        self.started = time.time()

    def write(self) -> None:
        """Write the file unless some job's benchmark is older than this run."""
        folder = self.results / "benchmarks"
        files = sorted(folder.rglob("*.tsv"))
        if not files or min(file.stat().st_mtime for file in files) < self.started:
            return
        ended = time.time()
        rules: dict[str, dict[str, Any]] = {}
        spans = []
        for file in files:
            rule = file.relative_to(folder).parts[0]
            entry = rules.setdefault(rule, {"jobs": 0, "seconds": 0.0, "max_rss_mb": 0.0})
            with file.open(encoding="utf-8") as lines:
                row = next(csv.DictReader(lines, delimiter="\t"))
            end = file.stat().st_mtime
            spans.append((end - _number(row["s"]), end))
            entry["jobs"] += 1
            entry["seconds"] = round(entry["seconds"] + _number(row["s"]), 2)
            entry["max_rss_mb"] = max(entry["max_rss_mb"], _number(row["max_rss"]))
        figures = {
            "workflow_seconds": round(ended - self.started, 1),
            "idle_seconds": round(_idle(spans, self.started, ended), 1),
        }
        write_json(self.results / "timing.json", figures | {"rules": rules})


def _idle(spans: list[tuple[float, float]], start: float, end: float) -> float:
    """Seconds between `start` and `end` that no span (start, end) covers."""
    idle, covered = 0.0, start
    for begin, stop in sorted(spans):
        idle += max(0.0, begin - covered)
        covered = max(covered, stop)
    return idle + max(0.0, end - covered)


def _number(text: str) -> float:
    """A benchmark's figure; Snakemake writes NA or - for jobs too short to be sampled."""
    try:
        return float(text)
    except ValueError:
        return 0.0
