"""Train with OpenMP threads that spin at barriers and with threads that sleep there.

Jobs of the workflow have one thread, and only those get `OMP_WAIT_POLICY=passive`: README.md. Each
round trains the default model a few steps under each policy: alone on two threads, and twice at
once, as when jobs share the cores. `short` lets threads spin a little (`GOMP_SPINCOUNT`).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tuning import REPOSITORY, development_split

from genir.files.io import write_json  # isort: skip

POLICIES = {
    "default": {},
    "short": {"GOMP_SPINCOUNT": "5000"},
    "passive": {"OMP_WAIT_POLICY": "passive"},
}
THREADS = 2


def child(data: Path, steps: int) -> None:
    """Prints the seconds that `steps` steps of the default training take."""
    from dataclasses import replace

    import torch
    import yaml
    from trainer import new_task

    from genir.files.checkpoint import Checkpoint
    from genir.training.finetuning import FinetuningConfig, finetune

    torch.set_num_threads(THREADS)
    default = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())["finetuning"]
    config = replace(FinetuningConfig(**default), checkpoint_every=10**9)
    task = new_task(development_split(data, 500), config)
    checkpoint, first = Checkpoint(Path("unused")), min(task.docids.values())
    finetune(task.model, task.examples, replace(config, steps=3), checkpoint, first)
    began = time.perf_counter()
    finetune(task.model, task.examples, replace(config, steps=steps), checkpoint, first)
    print(json.dumps(time.perf_counter() - began))


def seconds(data: Path, steps: int, policy: str, together: int) -> float:
    """The slowest of `together` trainings that run at once under a policy."""
    environment = os.environ | {"OMP_NUM_THREADS": str(THREADS)} | POLICIES[policy]
    command = [sys.executable, __file__, str(data), "--steps", str(steps), "--child"]
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(together)
    ]
    said = [process.communicate()[0] for process in started]
    return max(float(text.splitlines()[-1]) for text in said)


def measure(data: Path, steps: int, rounds: int) -> dict[str, Any]:
    """Seconds by setting and policy, in turn; `ratio.<setting>.<policy>` is it over the default."""
    found = {name: {policy: [] for policy in POLICIES} for name in ("alone", "two_at_once")}
    for _ in range(rounds):
        for together, (_, times) in enumerate(found.items(), start=1):
            for policy, list_ in times.items():
                list_.append(round(seconds(data, steps, policy, together), 2))
    ratio = {
        name: {
            policy: _spread([p / d for p, d in zip(times[policy], times["default"], strict=True)])
            for policy in list(POLICIES)[1:]
        }
        for name, times in found.items()
    }
    return {"ratio": ratio, "seconds": found, "steps": steps, "threads": THREADS}


def _spread(ratios: list[float]) -> dict[str, float]:
    return {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder of results/subset_corpus")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks/results")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.data, arguments.steps)
        return
    from measure.machine import machine

    before = machine()
    result = measure(arguments.data, arguments.steps, arguments.rounds)
    write_json(arguments.out / "waiting.json", result | {"machine": before})
    print(json.dumps(result["ratio"], indent=2))


if __name__ == "__main__":
    main()
