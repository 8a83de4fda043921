"""The study's circuit as a model of its own beside the whole model: seconds and memory.

Both go through the code that runs circuits: the whole model is the circuit that cuts nothing.
Random weights; round after round the two take turns. Seconds are the processor's, of one thread:
what else the machine does counts less. What is timed: the decoder, from the encoder's states to the
last residual stream; the same with the first ten documents; all of it, with the encoder.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "workflow/lib"))

from measure.circuit_arithmetic import estimate  # noqa: E402
from measure.machine import MIB, in_own_process, machine, peak_mib, versions  # noqa: E402
from measure.timing import in_turn, ratio, rounded, say, spread  # noqa: E402
from shapes import SHAPES, random_batches  # noqa: E402

from genir.analyses.circuit import FIXED, replacements  # noqa: E402
from genir.base.default_stages import default_stages  # noqa: E402
from genir.engine.circuit import (  # noqa: E402
    Circuit,
    CircuitDecoder,
    all_places,
    circuit_of,
    kept_tensors,
)
from genir.engine.encoder import LeanEncoder, token_batch  # noqa: E402
from genir.engine.model_config import complete_config, read_config  # noqa: E402
from genir.engine.t5 import T5, Architecture, tensor_shapes  # noqa: E402
from genir.files.io import write_json  # noqa: E402

DOCUMENTS = 2_000
"""Of the default model, whose other sizes are those of resources/mini-t5."""
BATCHES = (1, 64)
QUERIES = {
    "default": (64, 512),
    "t5-base-132k": (16, 128),
    "t5-large-132k": (4, 64),
    "tiny": (4, 64),
}
"""How many queries of each shape are timed one by one, and how many in batches of 64."""
DEPTH = 10
WAYS = ("whole", "circuit")
PARTS = {
    "decoder": "ratio_decoder",
    "decoder_and_documents": "ratio_decoder_and_documents",
    "end_to_end": "ratio_end_to_end",
}


@dataclass(frozen=True)
class Sized:
    """A complete config.json, how many rows of its vocabulary are pieces of text, and what the
    study's circuit cuts with its stages scaled by depth."""

    config: dict[str, Any]
    pieces: int

    @property
    def architecture(self) -> Architecture:
        return Architecture.from_config(self.config)

    def cut(self, way: str) -> set[tuple[int, str]]:
        """The whole model lacks nothing."""
        stages = default_stages(self.architecture.decoder_layers)
        return set(replacements(FIXED["study"], stages)) if way == "circuit" else set()


def sized(name: str) -> Sized:
    """A shape by name."""
    if name == "default":
        config = read_config(REPOSITORY / "resources/mini-t5")
        return Sized(
            config | {"vocab_size": config["vocab_size"] + DOCUMENTS}, config["vocab_size"]
        )
    shape = SHAPES[name]
    config = {
        **{key: getattr(shape, key) for key in ("d_model", "d_ff", "d_kv")},
        "num_heads": shape.heads,
        "num_layers": shape.layers,
        "vocab_size": shape.pieces + shape.documents,
    }
    return Sized(complete_config(config), shape.pieces)


def random_circuit(size: Sized, way: str) -> Circuit:
    """Random weights of what is there: of the whole model what one step reads."""
    architecture, random = size.architecture, torch.Generator().manual_seed(0)
    cut, every = size.cut(way), all_places(architecture.decoder_layers)
    shapes = tensor_shapes(architecture, size.config)[0]
    weights = {
        name: torch.randn(shapes[name], generator=random).mul_(shapes[name][-1] ** -0.5)
        for name in kept_tensors(shapes, [place for place in every if place not in cut])
    }
    vector = torch.full((architecture.d_model,), 0.1)
    return circuit_of(T5(architecture, weights), dict.fromkeys(cut, vector))


class Retriever:
    """A model, whole or a circuit, that answers batches of queries."""

    def __init__(self, circuit: Circuit, size: Sized) -> None:
        self.encoder = LeanEncoder(circuit)
        documents = torch.arange(size.pieces, size.config["vocab_size"])
        self.decoder = CircuitDecoder(circuit, documents)

    @torch.no_grad()
    def states(self, inputs: list[np.ndarray]) -> tuple[torch.Tensor, Any]:
        """What the encoder gives, and where it stands."""
        batch = token_batch(inputs)
        return self.encoder(batch), batch.layout

    def last(self, states: tuple[torch.Tensor, Any]) -> torch.Tensor:
        """The last residual stream."""
        return self.decoder.residual(self.decoder.memory(*states))

    def documents(self, states: tuple[torch.Tensor, Any]) -> torch.Tensor:
        """The first documents."""
        return self.decoder.unembedding.top(self.last(states), DEPTH)

    def works(
        self, batches: list[list[np.ndarray]], read: list[tuple[torch.Tensor, Any]]
    ) -> dict[str, Callable[[], Any]]:
        """What is timed, by part; `read` are the encoder's states of the batches."""
        return {
            "decoder": lambda: [self.last(states) for states in read],
            "decoder_and_documents": lambda: [self.documents(states) for states in read],
            "end_to_end": lambda: [self.documents(self.states(inputs)) for inputs in batches],
        }


def batches(size: Sized, number: int, together: int) -> list[list[np.ndarray]]:
    """Random queries as long as real ones."""
    (batch,) = random_batches(replace(SHAPES["tiny"], pieces=size.pieces), number, number)
    inputs = [
        row[: int(kept.sum())].numpy() for row, kept in zip(batch.ids, batch.mask, strict=True)
    ]
    return [inputs[start : start + together] for start in range(0, number, together)]


def queries_a_second(work: Callable[[], Any], number: int) -> float:
    """Of the processor's seconds."""
    began = time.process_time()
    work()
    return number / (time.process_time() - began)


def report(name: str, rounds: int) -> dict[str, Any]:
    """Ratios (circuit over whole) and milliseconds a query of every part, by batch; memory; what
    arithmetic says of a GPU."""
    size = sized(name)
    circuits = {way: random_circuit(size, way) for way in WAYS}
    retrievers = {way: Retriever(circuit, size) for way, circuit in circuits.items()}
    found: dict[str, Any] = {key: {} for key in (*PARTS.values(), "ms_a_query", "gpu_estimate")}
    for together, number in zip(BATCHES, QUERIES[name], strict=True):
        asked, key = batches(size, number, together), str(together)
        # Both have the same encoder; this and the decoder's first run warm everything up.
        read = [retrievers["whole"].states(inputs) for inputs in asked]
        works = {way: retrievers[way].works(asked, read) for way in WAYS}
        found["ms_a_query"][key] = {}
        for part, called in PARTS.items():
            contestants = {way: partial(queries_a_second, works[way][part], number) for way in WAYS}
            if part != "end_to_end":
                for measure in contestants.values():
                    measure()
            rates = in_turn(contestants, rounds, f"{name}, {part}, {together} at a time")
            found[called][key] = ratio(rates["circuit"], rates["whole"])
            times = {way: spread([1000 / one for one in rates[way]]) for way in WAYS}
            found["ms_a_query"][key][part] = times
        tokens = sum(map(len, asked[0]))
        found["gpu_estimate"][key] = {"tokens": tokens} | estimate(
            size.architecture,
            size.config["vocab_size"] - size.pieces,
            together,
            tokens,
            {way: circuits[way].places for way in WAYS},
        )
    for key, left_out in (("weights_mib", ()), ("decoder_mib", ("shared", "lm_head", "encoder"))):
        found[key] = {
            way: sum(t.nbytes for n, t in circuit.weights.items() if not n.startswith(left_out))
            / MIB
            for way, circuit in circuits.items()
        }
    found["components"] = {way: len(circuit.places) for way, circuit in circuits.items()}
    return found


def peaks(name: str) -> dict[str, dict[str, float]]:
    """Peak resident memory of each in a process of its own, and what it was before the model."""
    return {way: in_own_process(Path(__file__), "--peak-of", way, "--shapes", name) for way in WAYS}


def peak_of(name: str, way: str) -> dict[str, float]:
    """Of this process, which answers eight queries at once."""
    before, size = peak_mib(), sized(name)
    retriever = Retriever(random_circuit(size, way), size)
    for inputs in batches(size, 8, 8):
        retriever.documents(retriever.states(inputs))
    return {"before": before, "after": peak_mib()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds of a tiny shape")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--shapes", nargs="+", choices=QUERIES, default=[*QUERIES][:3])
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks/results")
    parser.add_argument("--peak-of", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.peak_of:
        print(json.dumps(peak_of(arguments.shapes[0], arguments.peak_of)))
        return
    names, rounds = (["tiny"], 2) if arguments.quick else (arguments.shapes, arguments.rounds)
    about = {"rounds": rounds, "machine": machine(), "versions": versions()}
    found: dict[str, Any] = {}
    for name in names:
        number = dict(zip(map(str, BATCHES), QUERIES[name], strict=True))
        found[name] = report(name, rounds) | {"peak_mib": peaks(name), "queries": number}
        by_key = {key: {shape: found[shape][key] for shape in found} for key in found[name]}
        write_json(arguments.out / "circuit.json", rounded(by_key | about))
        say(f"{name} is in {arguments.out / 'circuit.json'}")


if __name__ == "__main__":
    main()
