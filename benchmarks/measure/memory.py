"""Peak memory of engine and of hooks on the same sweep."""

from pathlib import Path

from check_peers import METHODS
from peers import places
from peers.hooks import Hooks
from peers.lean import Lean
from shapes import SHAPES, random_batches, random_model

from measure.contest import BATCH_SIZE, QUERIES
from measure.machine import MIB, in_own_process, peak_mib

WAYS = ("engine", "hooks")


def peaks(command: Path, name: str, threads: int) -> dict[str, float]:
    """Peak resident memory of each way in MiB, each in a process of its own, and what of it are
    the weights and the process with its libraries before there is a model."""
    options = ("--threads", str(threads), "--memory-of", name)
    found = {way: in_own_process(command, *options, way) for way in WAYS}
    return {way: peak["after"] for way, peak in found.items()} | {
        "weights": weights_mib(name),
        "libraries": found["engine"]["before"],
    }


def peak_of(name: str, way: str) -> dict[str, float]:
    """This process's peak, before there is a model and after a sweep; hooks need for one patch what
    they need for all."""
    before, shape = peak_mib(), SHAPES[name]
    model, every = random_model(shape), places(shape.layers)
    batches = random_batches(shape, QUERIES[name], BATCH_SIZE)
    if way == "engine":
        Lean(model, shape.documents).sweep(batches, every, METHODS)
    else:
        Hooks(model).sweep(batches, every[-1:], ("zero",))
    return {"before": before, "after": peak_mib()}


def weights_mib(name: str) -> float:
    """A model's float32 weights, embedding counted once."""
    shape = SHAPES[name]
    inner, mlp = shape.heads * shape.d_kv, 2 * shape.d_model * shape.d_ff
    layer = 12 * inner * shape.d_model + 2 * mlp
    embedding = (shape.pieces + shape.documents) * shape.d_model
    return 4 * (shape.layers * layer + embedding) / MIB
