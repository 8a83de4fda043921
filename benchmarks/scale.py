"""The full sweep of a T5-large with 320,000 documents on random weights, on this machine.

Prints one JSON object; benchmarks/engine.py runs it and keeps that as `scale` of engine.json.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "lib"))

from measure.arithmetic import H100, Work, decoder_share, encoding, lens, patching
from measure.machine import peak_mib
from measure.subjects import subject_of
from measure.timing import rounded, say, seconds
from shapes import SHAPES, Shape, random_batches, random_model

from genir.analyses.patching import (
    Replacements,
    patch_means,
    patched_ranks,
    single_patches,
    stage_patches,
)
from genir.analyses.rank_development import rank_development
from genir.base.default_stages import default_stages
from genir.base.names import Method
from genir.base.progress import configure_logging
from genir.subjects.subject import Subject

METHODS: tuple[Method, ...] = ("zero", "mean", "pretrained")
LAYERS_PER_JOB = (1, 4, "all")
BATCH_SIZE = 32
Patches = dict[str, Replacements]


def scale_report(name: str, queries: int, memory_mb: int) -> dict[str, Any]:
    """Times every part of the analyses of one shape."""
    shape = SHAPES[name]
    say(f"{name}: drawing two models")
    subject, pretrained = (
        subject_of(
            random_model(shape, seed),
            random_batches(shape, queries, BATCH_SIZE),
            shape.documents,
            memory_mb,
        )
        for seed in (0, 1)
    )
    pretrained = pretrained.reading(pretrained.model)
    single = single_patches(range(shape.layers), METHODS)
    stages = stage_patches(default_stages(shape.layers), METHODS)
    times = times_of(subject, pretrained, single, stages)
    patched = {"sweep": len(single) * queries, "stages": len(stages) * queries}
    return {
        "shape": name,
        "queries": queries,
        "threads": torch.get_num_threads(),
        "memory_mb": memory_mb,
        "patches": {"sweep": len(single), "stages": len(stages)},
        "seconds": times,
        "patched_queries_per_second": {part: patched[part] / times[part] for part in patched},
        "peak_memory_mib": peak_mib(),
        "jobs": {str(size): jobs(shape, times, tokens(subject), size) for size in LAYERS_PER_JOB},
        "gpu_estimate": gpu_estimate(shape, subject, single, stages),
    }


def times_of(
    subject: Subject, pretrained: Subject, single: Patches, stages: Patches
) -> dict[str, float]:
    """Wall seconds. `prepare`, `encode` and `trace` are what every patching job does before its
    patches, and are part of `sweep` and `stages` again but for `prepare`."""
    both = (subject, pretrained)
    parts: dict[str, Callable[[], object]] = {
        "prepare": lambda: [(model.encoder, model.decoder) for model in both],
        "encode": lambda: [model.encode() for model in both],
        "trace": lambda: trace(both),
        "sweep": lambda: patch(subject, pretrained, single),
        "stages": lambda: patch(subject, pretrained, stages),
        "lens": lambda: rank_development(subject),
    }
    times = {}
    for part, work in parts.items():
        times[part] = seconds(work)
        say(f"{part}: {times[part]:.1f} s, peak memory {peak_mib():.0f} MiB")
    times["trace"] = max(0.0, times["trace"] - times["encode"])
    return times


def patch(subject: Subject, pretrained: Subject, patches: Patches) -> None:
    """A patching job after its models are prepared; its queries are encoded anew."""
    own, start = (some.over(some.queries) for some in (subject, pretrained))
    correct = np.ones(len(own.queries), dtype=bool)
    patched_ranks(own, patch_means(own, correct, patches), start, patches)


def trace(subjects: Iterable[Subject]) -> None:
    """Encoding and the unmodified runs of a patching job: two of the model, for means and for
    patches, and one of the other."""
    for subject, runs in zip(subjects, (2, 1), strict=True):
        hidden = subject.encode()
        for _ in range(runs):
            for rows in subject.query_blocks():
                subject.trace(rows, hidden)


def jobs(
    shape: Shape, times: dict[str, float], tokens: int, layers_per_job: int | str
) -> dict[str, float]:
    """How many patching jobs a sweep becomes and what each costs on this machine, without the start
    of Python and the reading of the models. Patches of early layers cost most."""
    size = shape.layers if layers_per_job == "all" else int(layers_per_job)
    chunks = [range(i, min(i + size, shape.layers)) for i in range(0, shape.layers, size)]
    before = times["prepare"] + times["encode"] + times["trace"]
    patches = times["sweep"] - times["encode"] - times["trace"]
    shares = [decoder_share(shape, tokens, chunk) for chunk in chunks]
    return {
        "jobs": len(chunks),
        "seconds_before_patches": before,
        "seconds_of_patches_mean": patches / len(chunks),
        "seconds_longest_job": before + patches * max(shares),
        "seconds_all_jobs": len(chunks) * before + patches,
    }


def gpu_estimate(
    shape: Shape, subject: Subject, single: Patches, stages: Patches
) -> dict[str, Any]:
    """Seconds on one data-centre GPU by its data-sheet rates; sorting in the lens is not in it."""
    queries, length = len(subject.queries), tokens(subject)
    encode = encoding(shape, queries * length)
    works: dict[str, list[Work]] = {
        "encode": [encode, encode],
        "sweep": [patching(shape, length, queries, [list(patch) for patch in single.values()])],
        "stages": [patching(shape, length, queries, [list(patch) for patch in stages.values()])],
        "lens": [lens(shape, queries)],
    }
    return {
        "gpu": H100.name,
        "rates_per_second": {
            "memory_bytes": H100.memory,
            "float32_operations": H100.float32,
            "bfloat16_operations": H100.bfloat16,
        },
        "operations": {p: sum(w.products + w.ranking for w in of) for p, of in works.items()},
        "bytes": {p: sum(w.stream + w.head + w.logits for w in of) for p, of in works.items()},
        "seconds_float32": {p: sum(w.seconds(H100, False) for w in of) for p, of in works.items()},
        "seconds_bfloat16_ranks": {
            p: sum(w.seconds(H100, True) for w in of) for p, of in works.items()
        },
    }


def tokens(subject: Subject) -> int:
    """Mean length of the queries."""
    return round(float(np.mean([len(row) for row in subject.queries.inputs])))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--queries", type=int, default=32)
    parser.add_argument("--memory-mb", type=int, default=20000, help="budget of the analyses, MiB")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, to try the command")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    configure_logging()
    name = "tiny" if given.quick else "t5-large-320k"
    print(json.dumps(rounded(scale_report(name, given.queries, given.memory_mb))))


if __name__ == "__main__":
    main()
