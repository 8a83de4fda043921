"""How far fine-tuning moved the weights from where they started."""

import math
from collections.abc import Iterator

import pandas as pd
import torch

from genir.engine.t5 import T5, position_bias, t5_of
from genir.models.start import Start, start_folder
from genir.subjects.subject import Subject

COMPONENTS_OF = {
    "encoder": ("self_attention", "mlp"),
    "decoder": ("self_attention", "cross_attention", "mlp"),
}
"""Components of a layer in the order in which checkpoints number them."""
UNREAD = ("q", "k", "relative_attention_bias")
"""Of the decoder's self-attention: with one position it gives that one all its weight."""
NO_LAYER = -1

Matrix = tuple[str, int, str, str, torch.Tensor, torch.Tensor]
"""Stack, layer, component, name, and the weights after and before fine-tuning."""


def drift(subject: Subject, start: Start, seed: int | None = None) -> pd.DataFrame:
    """Measure how far fine-tuning moved every matrix that one decoder step reads: one row each,
    with the norms of its start and of its change (Frobenius).

    Weights stored in half precision are what fine-tuning began with, and so is their float32 here.
    Rows of docids, which have no start, are left out.

    Args:
        start: what fine-tuning started from.
        seed: that of the fine-tuning, which a random start is drawn from once more.
    """
    rows = []
    for *names, own, before in _matrices(subject, _origin(subject, start, seed)):
        change, length = _norm(own - before), _norm(before)
        drift = change / length if length else math.nan
        rows.append((*names, own.numel(), length, change, drift))
    names = "stack layer component matrix weights start_norm change_norm drift".split()
    return pd.DataFrame(rows, columns=names).assign(start=_kind(start))


def _kind(start: Start) -> str:
    return "random" if start.type == "random" else "pretrained"


def _origin(subject: Subject, start: Start, seed: int | None) -> T5:
    if start.type != "random":
        return subject.origin(start_folder(start))
    from genir.models.load import random_like

    return t5_of(random_like(start.path, seed).to(subject.device))


def _norm(values: torch.Tensor) -> float:
    return float(torch.linalg.vector_norm(values.detach(), dtype=torch.float64))


def _matrices(subject: Subject, origin: T5) -> Iterator[Matrix]:
    """Rows of words first, then stack by stack, what is of no layer at its end. Position biases of
    all layers lie in layer 0; where every layer has its own they are part of its attention."""
    own, words = subject.model, _words(subject, origin)
    yield "words", NO_LAYER, "embedding", "shared", own.embedding[words], origin.embedding[words]
    if own.head is not own.embedding:
        yield "words", NO_LAYER, "head", "lm_head", own.head[words], origin.head[words]
    for stack, components in COMPONENTS_OF.items():
        named = [
            (layer, *part)
            for layer in range(getattr(own.architecture, f"{stack}_layers"))
            for number, component in enumerate(components)
            for part in _parts(origin, stack, layer, number, component)
        ]
        if stack == "encoder" and (shared := _shared_bias(origin)):
            named.append((NO_LAYER, "position_bias", "relative_attention_bias", shared))
        name = f"{stack}.final_layer_norm.weight"
        named.append((NO_LAYER, "final_norm", "final_layer_norm", name))
        for *place, name in named:
            yield stack, *place, own.weights[name], origin.weights[name]


def _parts(
    origin: T5, stack: str, layer: int, number: int, component: str
) -> list[tuple[str, str, str]]:
    """Component, matrix and name in the checkpoint. A layer's norms count apart: their weights are
    others by far, and would hide those of the matrices."""
    prefix, found = f"{stack}.block.{layer}.layer.{number}.", []
    for name in sorted(name for name in origin.weights if name.startswith(prefix)):
        matrix = name.removesuffix(".weight").rpartition(".")[2]
        unread = matrix in UNREAD and (stack, component) == ("decoder", "self_attention")
        if matrix == "layer_norm":
            found.append(("norms", f"{component}.{matrix}", name))
        elif name != _shared_bias(origin) and not unread:
            found.append((component, matrix, name))
    return found


def _shared_bias(origin: T5) -> str | None:
    """The encoder's position biases where all layers read the first one's."""
    several = position_bias("encoder", 1) in origin.weights
    return None if several else position_bias("encoder", 0)


def _words(subject: Subject, origin: T5) -> torch.Tensor:
    """Rows of the vocabulary that are there in both models and no docids in this one, `[row]`."""
    rows = min(len(subject.model.embedding), len(origin.embedding))
    kept = torch.ones(rows, dtype=torch.bool)
    kept[subject.docid_tokens[subject.docid_tokens < rows]] = False
    return kept.nonzero().flatten().to(subject.device)
