"""Measure the engine against other tools, and write benchmarks/results/engine.json and engine.md,
and scaling.csv, .svg and .png.

Patched queries per second on three shapes, interleaved in rounds; share of the time that the same
matrix products alone would take; peak memory; bfloat16; a GPU where there is one; cost against
queries, layers and documents; a full sweep of T5-large with 320,000 documents.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "lib"))

from measure.bfloat16 import bfloat16_report
from measure.contest import contest, contest_report
from measure.gpu import gpu_report
from measure.machine import in_own_process, machine, versions
from measure.memory import WAYS, peak_of, peaks
from measure.scaling import scaling_table, write_scaling
from measure.table import as_markdown
from measure.timing import rounded, say

from genir.files.io import write_json, write_text

COMMAND = Path(__file__).resolve()
RESULTS = COMMAND.parent / "results"
SHAPES = ["t5-small-33k", "t5-base-33k", "t5-base-132k"]
QUICK_SHAPES = ["tiny"]


def engine_report(shapes: list[str], rounds: int, threads: int, quick: bool) -> dict[str, Any]:
    """Everything but the scaling curves, as engine.json has it."""
    begun = {"machine": machine(), "versions": versions()}
    scale = in_own_process(COMMAND.with_name("scale.py"), *(["--quick"] if quick else []))
    memory = {}
    for name in shapes:
        say(f"{name}: peak memory")
        memory[name] = peaks(COMMAND, name, threads)
    contests = {name: contest(name, rounds) for name in shapes}
    return rounded(
        contest_report(contests)
        | {
            "peak_memory_mib": memory,
            "bf16": bfloat16_report(shapes[-1], rounds),
            "cuda": gpu_report(shapes, rounds),
            "scale": scale,
        }
        | begun
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, help="folder of the results (default: results beside this script)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds after warm-up (default: 3)")
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of everybody but the T5-large (default: 1)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="all parts on a tiny shape, to try the command"
    )
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.quick and given.out is None:
        parser.error("give --quick an --out of its own, or it replaces measured results")
    if given.memory_of and given.memory_of[1] not in WAYS:
        parser.error(f"--memory-of takes a shape and one of {', '.join(WAYS)}")
    return given


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    if given.memory_of:
        print(json.dumps(peak_of(*given.memory_of)))
        return
    shapes, out = QUICK_SHAPES if given.quick else SHAPES, given.out or RESULTS
    report = engine_report(shapes, given.rounds, given.threads, given.quick)
    table = scaling_table(shapes[0], given.rounds)
    write_json(out / "engine.json", report)
    write_text(out / "engine.md", as_markdown(report))
    write_scaling(table, out)
    say(f"wrote engine.json, engine.md and scaling.* to {out}")


if __name__ == "__main__":
    main()
