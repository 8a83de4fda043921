"""How long a run of the workflow took, per rule, out of its benchmark files."""

import csv
import time
from pathlib import Path
from typing import Any

from genir.files import write_json


class Timing:
    """Writes `<results>/timing.json` after a run in which every job ran.

    workflow_seconds is wall time from the first to the last job; `rules.<rule>` has jobs, their
    summed seconds and the largest resident memory of one, in MB.
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
        rules: dict[str, dict[str, Any]] = {}
        for file in files:
            rule = file.relative_to(folder).parts[0]
            entry = rules.setdefault(rule, {"jobs": 0, "seconds": 0.0, "max_rss_mb": 0.0})
            with file.open(encoding="utf-8") as lines:
                row = next(csv.DictReader(lines, delimiter="\t"))
            entry["jobs"] += 1
            entry["seconds"] = round(entry["seconds"] + _number(row["s"]), 2)
            entry["max_rss_mb"] = max(entry["max_rss_mb"], _number(row["max_rss"]))
        seconds = round(time.time() - self.started, 1)
        write_json(self.results / "timing.json", {"workflow_seconds": seconds, "rules": rules})


def _number(text: str) -> float:
    """A benchmark's figure; Snakemake writes NA or - for jobs too short to be sampled."""
    try:
        return float(text)
    except ValueError:
        return 0.0
