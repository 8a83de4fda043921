"""The table of what was tried and what happened."""

import csv
from pathlib import Path

from suite import Outcome

COLUMNS = {
    "Fault": "fault",
    "What was seen": "seen",
    "Message": "message",
    "Before the next run": "before_next",
    "Identical": "identical",
}
HEAD = """\
# What happens when something goes wrong

Made by `tests/faults/run`, which does each of these to the tiny workflow (`config/tiny.yaml` with
one model), follows the message, runs plain `snakemake` again and compares all results, byte by
byte, with those of a run that nothing disturbed. Where the last column names a folder, the next run
is asked for that alone. A message stands in what Snakemake prints; one about a checkpoint in the
log of its job.

"""
TAIL = """
A job notices that a result is not as it was written: it compares the digest that was noted then
(`sha256` in `provenance.json`, results/README.md) or, in Parquet, the check sums of the pages. What
no job reads any more is not compared, nor a file whose digest was deleted.

A result that a failed job had made before, or that was deleted, is made again if something that is
missing or outdated needs it. Otherwise ask for it by name: `snakemake <file>`.
"""


def write(outcomes: list[Outcome], folder: Path) -> None:
    """faults.md and faults.csv; neither says where or when."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [[getattr(outcome, name) for name in COLUMNS.values()] for outcome in outcomes]
    with open(folder / "faults.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([list(COLUMNS), *rows])
    lines = [list(COLUMNS), ["---"] * len(COLUMNS), *rows]
    table = "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)
    (folder / "faults.md").write_text(HEAD + table + TAIL, encoding="utf-8")


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("<", r"\<")
