"""What of a model a fine-tuning trains; all else is frozen, and stays bit for bit what it was.

Rows of docids and of words lie in one matrix. Where only one of the two is trained, its rows are a
leaf of their own that shares the matrix's memory: the others get no gradient and no step, and to
the optimiser these rows are a matrix. Without the words' rows tokens are looked up in a constant,
so a gradient ends at the lowest part that is trained.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import Parameter

from genir.base.parts import DOCIDS, EVERYTHING, NORMS, WORDS, read_part
from genir.training.docid_rate import DocidRate

_TABLES = ("shared.weight", "lm_head.weight")
_INSIDE = re.compile(r"(encoder|decoder)\.block\.(\d+)\.layer\.\d+\.(\w+)\.(?:\w+\.)?weight")
_COMPONENTS = {
    "SelfAttention": "self_attention",
    "EncDecAttention": "cross_attention",
    "DenseReluDense": "mlp",
    "layer_norm": NORMS,
}


@dataclass(frozen=True)
class Trained:
    """The `weights` that are trained, by name; what tokens are looked up in, `embedding`
    `[row, d_model]`; the output projection in blocks of rows, `head`; and the rate of docids."""

    weights: dict[str, Parameter]
    embedding: torch.Tensor
    head: tuple[torch.Tensor, ...]
    docids: DocidRate

    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(weight.numel() for weight in self.weights.values())


def trained_parts(
    model: torch.nn.Module, first_docid: int, parts: Sequence[str], docid_rate: float
) -> Trained:
    """Freeze all of a T5 but `parts`, which `genir.base.parts` explains, or nothing if that is
    "all". Its rows from `first_docid` on are those of docids.

    Raises ConfigError if there is no such part.
    """
    chosen = _chosen(model, parts)
    words, docids = WORDS in chosen, DOCIDS in chosen
    weights = {}
    for name, weight in model.named_parameters():
        weight.requires_grad_(words and docids if name in _TABLES else name in chosen)
        if weight.requires_grad:
            weights[name] = weight
    rows: list[Parameter] = []

    def blocks(name: str, table: Parameter) -> tuple[torch.Tensor, ...]:
        if words == docids:
            return (table,)
        above, below = table.data[:first_docid], table.data[first_docid:]
        weights[f"{name}, {WORDS if words else DOCIDS}"] = leaf = Parameter(
            above if words else below
        )
        if docids:
            rows.append(leaf)
        return (leaf, below) if words else (above, leaf)

    tables = {"shared.weight": model.shared.weight, "lm_head.weight": model.lm_head.weight}
    tied = tables["shared.weight"] is tables["lm_head.weight"]
    embedding, head = tables.values()
    head_blocks = blocks("shared.weight" if tied else "lm_head.weight", head)
    if words:
        embedding = (head_blocks if tied else blocks("shared.weight", embedding))[0]
    whole = [weight for name, weight in weights.items() if name in _TABLES]
    rate = DocidRate(whole, first_docid, docid_rate, rows)
    return Trained(weights, embedding, head_blocks, rate)


def _chosen(model: torch.nn.Module, names: Sequence[str]) -> set[str]:
    """Names of the weights in the parts that are called so, and of the rows."""
    layers = {"encoder": model.config.num_layers, "decoder": model.config.num_decoder_layers}
    places = {name: _place(name) for name, _ in model.named_parameters() if name not in _TABLES}
    if names == EVERYTHING:
        return {*places, DOCIDS, WORDS}
    parts = [part for name in names if (part := read_part(name, layers)) is not None]
    chosen = {name for name, place in places.items() if any(p.holds(*place) for p in parts)}
    return chosen | {DOCIDS, WORDS}.intersection(names)


def _place(name: str) -> tuple[str, int | None, str]:
    """Stack, layer and component of a weight. The final norms are of no layer, nor are position
    biases, which layer 0 holds for all."""
    if (inside := _INSIDE.fullmatch(name)) is None:
        return name.partition(".")[0], None, NORMS
    stack, layer, module = inside.groups()
    of_all = "relative_attention_bias" in name
    return stack, None if of_all else int(layer), _COMPONENTS[module]
