"""Parts of a benchmark, each in a process of its own: what fails or hangs in one harms no other.

A part consists of pieces. Their results are lines of a file, so that those that are done count when
the part is stopped.
"""

import gc
import json
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from sys import stderr
from typing import Any

import torch

from genir.base.errors import UserError
from measure.machine import MIB, peak_mib
from measure.timing import rounded, say

Result = dict[str, Any]
Piece = tuple[str, Callable[[], Result]]
"""Name, and what gives its result: with `held` False in it where something did not hold."""

LEAST_SECONDS = 15.0
"""With less time left no part is begun: importing torch and transformers takes most of it."""


class NotPossibleError(UserError):
    """A piece cannot be measured here, which is no failure: it is left out."""


def run_parts(
    limits: dict[str, float],
    command: Sequence[str],
    budget: float,
    keep: Callable[[Result], None],
) -> Result:
    """Run every part of `limits`, the most seconds that each may take, by `command` with its name
    and a file for its pieces, as long as time is left of the `budget` in seconds; `keep` is called
    with the report after each.

    The report: `parts`, by name what `run_part` gives; `left_out`, by name why; `seconds`; `held`.
    """
    began = time.monotonic()
    report: Result = {"parts": {}, "left_out": {}, "seconds": 0.0, "held": True}
    for name, limit in limits.items():
        left = budget - (time.monotonic() - began)
        if left < LEAST_SECONDS:
            report["left_out"][name] = f"{left:.0f} of {budget:.0f} seconds were left"
            report["held"] = False
        else:
            say(f"{name}: at most {min(left, limit):.0f} s")
            report["parts"][name] = found = run_part([*command, name], min(left, limit))
            for piece, reason in found["left_out"].items():
                report["left_out"][f"{name}: {piece}"] = reason
            report["held"] &= found["held"]
            say(f"{name}: {'held' if found['held'] else 'DID NOT HOLD'}, {found['seconds']} s")
        report["seconds"] = round(time.monotonic() - began, 1)
        keep(report)
    return report


def run_part(command: Sequence[str], limit: float) -> Result:
    """`pieces` that are done, `errors` of those that failed, pieces `left_out`, `seconds`, whether
    all of it `held`, and `stopped` where the process ended before its time or at its limit."""
    began, stopped = time.monotonic(), None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pieces"
        file.touch()
        try:
            status = subprocess.run([*command, str(file)], timeout=limit).returncode
            if status:
                stopped = f"the process ended with status {status}; its log says why"
        except subprocess.TimeoutExpired:
            stopped = f"not done after {limit:.0f} seconds"
        # What a process that was stopped had not written to its end is left.
        *lines, _ = file.read_text(encoding="utf-8").split("\n")
    found: Result = {"pieces": {}, "errors": {}, "left_out": {}}
    for line in lines:
        for kind, entries in json.loads(line).items():
            found[kind] |= entries
    held = all(piece.get("held", True) for piece in found["pieces"].values())
    found["held"] = held and not found["errors"] and stopped is None
    found["seconds"] = round(time.monotonic() - began, 1)
    return found | ({} if stopped is None else {"stopped": stopped})


def write_pieces(pieces: Iterable[Piece], file: Path, device: torch.device) -> None:
    """Compute every piece and append a line to `file`: its result with `seconds` and, unless it
    tells itself, `peak_memory_mib` (of the card; on a CPU of this process so far), or what went
    wrong."""
    for name, work in pieces:
        line = rounded(_computed(name, work, device))
        try:
            text = json.dumps(line, allow_nan=False)
        except ValueError:
            text = json.dumps({"errors": {name: f"a number is not finite: {line}"}})
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"{text}\n")
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()


def _computed(name: str, work: Callable[[], Result], device: torch.device) -> Result:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    began = time.monotonic()
    try:
        with redirect_stdout(stderr):
            result = work()
    except NotPossibleError as reason:
        return {"left_out": {name: str(reason)}}
    # The benchmark says by SystemExit that somebody ranks otherwise.
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        return {"errors": {name: f"{type(error).__name__}: {error}"[:2000]}}
    peak = torch.cuda.max_memory_allocated() / MIB if device.type == "cuda" else peak_mib()
    measured = {"seconds": time.monotonic() - began, "peak_memory_mib": peak}
    return {"pieces": {name: measured | result}}
