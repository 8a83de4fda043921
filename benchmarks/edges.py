"""Measure what all edges of a model cost, beside forward hooks on the Hugging Face model, and write
benchmarks/results/edges.json.

Every edge of a random model in t5-base's shape is patched for every query, exactly, by mean and by
donor, on one thread. Hooks do a sample of the edges, each a pass of its own; what all would take is
scaled from that. Who is compared takes turns, round after round, and must agree.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "lib"))

from measure.machine import in_own_process, machine, peak_mib, versions
from measure.subjects import subject_of
from measure.timing import ratio, rounded, say, spread
from peers.edge_hooks import EdgeHooks
from peers.hooks import Hooks
from peers.hooks_cached import HooksCached
from shapes import SHAPES, random_batches, random_model

from genir.analyses.donors import asked
from genir.analyses.edges import single_edges
from genir.analyses.patch_edge import edge_effects, edge_names, edge_patches
from genir.analyses.patching import place_means
from genir.base.names import ABLATIONS, Method
from genir.files.io import write_json

QUERIES, BATCH_SIZE = 64, 32
SEED = 1
AGREE = 1e-4
"""How far differences of logits may be apart, of the largest."""
PEERS = {"hooks": Hooks, "hooks_cached": HooksCached}
WALL = "wall"
Seconds = dict[str, dict[Method, list[float]]]


class Task:
    """The edges of a shape: a model, its queries, and everybody's way to patch them."""

    def __init__(self, shape: str, queries: int, memory_mb: int) -> None:
        self.shape = SHAPES[shape]
        self.model = random_model(self.shape)
        self.batches = random_batches(self.shape, queries, BATCH_SIZE)
        self.subject = subject_of(self.model, self.batches, self.shape.documents, memory_mb)

    def engine(self, method: Method) -> pd.DataFrame:
        """What every edge does to every query, from the queries' tokens on."""
        own = self.subject.over(self.subject.queries)
        means = place_means(own, np.ones(len(own.queries), dtype=bool), own.decoder.places)
        patches, names = edge_patches(own), edge_names(own)
        return edge_effects(*asked(own, method, SEED), means, method, patches, names)[0]

    def donors(self) -> list[int]:
        """The row of every query's donor."""
        own, donors = asked(self.subject, "donor_random", SEED)
        if len(own.queries) < len(self.subject.queries):
            raise SystemExit("some queries have no donor; take others")
        return [int(query) for query in donors.queries.ids]


def in_turn(task: Task, rounds: int, sampled: Sequence[int]) -> tuple[Seconds, float]:
    """Processor seconds of all edges by way and method, one per round; the hooks' are scaled from
    those of the sampled edges, but for what they do once. The engine's wall seconds are `wall`. And
    how far anybody's differences of logits are from the engine's, of the largest."""
    edges = list(single_edges(task.subject.decoder))
    some, apart = [edges[number] for number in sampled], 0.0
    sources = [source for source, _ in some]
    hooks = {
        name: EdgeHooks(peer(task.model), task.shape.documents) for name, peer in PEERS.items()
    }
    donors = {"mean": None, "donor_random": task.donors()}
    values = {m: hooks["hooks"].values(task.batches, sources, donors[m]) for m in ABLATIONS}
    for peer in hooks.values():
        first = task.batches[:1]
        peer.differences(first, peer.inputs(first), some[:1], values["mean"])
    times: Seconds = {name: {m: [] for m in ABLATIONS} for name in (WALL, "engine", *PEERS)}
    for number, method in product(range(rounds), ABLATIONS):
        began = time.perf_counter()
        table, taken = timed(partial(task.engine, method))
        times[WALL][method].append(time.perf_counter() - began)
        times["engine"][method].append(taken)
        found = table["difference"].to_numpy().reshape(len(task.subject.queries), -1)
        ours = found[:, list(sampled)]
        for name, peer in hooks.items():
            inputs, once = timed(partial(peer.inputs, task.batches))
            work = partial(peer.differences, task.batches, inputs, some, values[method])
            theirs, taken = timed(work)
            times[name][method].append(once + taken * len(edges) / len(some))
            gap = np.abs(ours - theirs.double().numpy()).max()
            apart = max(apart, float(gap / theirs.abs().max()))
        last = {name: round(of[method][-1], 1) for name, of in times.items()}
        say(f"round {number + 1} of {rounds}, {method}, seconds of all edges: {last}")
    if not apart <= AGREE:
        raise SystemExit(f"the engine's differences are {apart:.2g} of the largest from the hooks'")
    return times, apart


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and processor seconds: what else the machine does counts less."""
    began = time.process_time()
    return work(), time.process_time() - began


def report(
    shape: str, queries: int, rounds: int, sample: int, memory_mb: int, options: Sequence[str]
) -> dict[str, Any]:
    """Everything, as edges.json has it."""
    begun = {"machine": machine(), "versions": versions()}
    peak = in_own_process(Path(__file__).resolve(), *options, "--peak")
    task = Task(shape, queries, memory_mb)
    edges = len(edge_names(task.subject))
    sampled = np.unique(np.linspace(0, edges - 1, sample).round().astype(int)).tolist()
    times, apart = in_turn(task, rounds, sampled)
    wall, engine = times.pop(WALL), times["engine"]
    found = {
        "shape": shape,
        "queries": queries,
        "edges": edges,
        "seconds": {m: spread(of) for m, of in wall.items()},
        "sampled_edges": len(sampled),
        "processor_seconds": {
            name: {m: spread(taken) for m, taken in of.items()} for name, of in times.items()
        },
        "ratios": {
            name: {m: ratio(taken, engine[m]) for m, taken in of.items()}
            for name, of in times.items()
            if name in PEERS
        },
        "largest_difference": apart,
        "memory_mb": memory_mb,
        "peak_memory_mib": peak,
    }
    return rounded(found | begun | {"load_after": os.getloadavg()[0]})


def peak_of(task: Task) -> dict[str, float]:
    """Peak resident memory of this process in MiB: with the model, and after all edges."""
    before = peak_mib()
    task.engine("donor_random")
    return {"with_model": before, "after_edges": peak_mib()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "results")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=12, help="edges that hooks do")
    parser.add_argument("--memory-mb", type=int, default=4000, help="budget of the engine, MiB")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, to try the command")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    shape, queries = ("tiny", 8) if given.quick else ("t5-base-33k", QUERIES)
    if given.peak:
        print(json.dumps(peak_of(Task(shape, queries, given.memory_mb))))
        return
    options = ["--memory-mb", str(given.memory_mb), *(["--quick"] if given.quick else [])]
    found = report(shape, queries, given.rounds, given.sample, given.memory_mb, options)
    write_json(given.out / "edges.json", found)


if __name__ == "__main__":
    main()
