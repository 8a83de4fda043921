"""The encoder of a T5 without padding: only real tokens go through its matrices.

Works on the tensors it is given, so one forward serves analyses (no gradients) and training.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from genir.engine.dropout import Drop, keep
from genir.engine.t5 import ACTIVATIONS, T5, Architecture, Weights, position_bias, rms_norm


@dataclass(frozen=True)
class Layout:
    """Where packed tokens `[token]` stand in a padded grid: their places in the flattened grid, and
    the grid as a mask `[query, longest]` (True = token). `fill` more rows that stand nowhere may
    follow the tokens."""

    places: torch.Tensor
    mask: torch.Tensor
    fill: int = 0

    def to_grid(self, rows: torch.Tensor) -> torch.Tensor:
        """`[token, width]` -> `[query, longest, width]`, zero where there is no token."""
        if len(rows) == self.mask.numel() and not self.fill:
            return rows.view(*self.mask.shape, -1)
        rows = rows[: len(self.places)]
        grid = rows.new_zeros(self.mask.numel(), rows.shape[1])
        return grid.index_copy_(0, self.places, rows).view(*self.mask.shape, -1)

    def from_grid(self, grid: torch.Tensor) -> torch.Tensor:
        """`[..., width]` of every place of the grid in order -> `[token, width]`."""
        flat = grid.reshape(-1, grid.shape[-1])
        if self.fill:
            rows = flat.index_select(0, functional.pad(self.places, (0, self.fill)))
            rows[len(self.places) :] = 0
            return rows
        return flat if len(self.places) == len(flat) else flat[self.places]


def layout_of(lengths: Sequence[int], device: torch.device | str = "cpu") -> Layout:
    """Sequences of these lengths, one behind the other and each padded to the longest."""
    mask = np.arange(max(lengths)) < np.asarray(lengths)[:, None]
    return Layout(*(torch.from_numpy(a).to(device) for a in (np.flatnonzero(mask), mask)))


@dataclass(frozen=True)
class TokenBatch:
    """Token ids `[token]` of several sequences, one behind the other, and their layout."""

    tokens: torch.Tensor
    layout: Layout


def token_batch(
    inputs: Sequence[np.ndarray], device: torch.device | str = "cpu", multiple: int = 1
) -> TokenBatch:
    """A batch of token id sequences. Rows are filled up to a `multiple` with token 0: products of a
    size that was there before are several times faster, as nothing is prepared for them anew."""
    tokens = np.concatenate(inputs).astype(np.int64)
    fill = -len(tokens) % multiple
    layout = layout_of([len(row) for row in inputs], device)
    filled = torch.from_numpy(np.pad(tokens, (0, fill))).to(device)
    return TokenBatch(filled, replace(layout, fill=fill))


class LeanEncoder:
    """Calling it gives the hidden state `[token, d_model]` of every token, after the final norm."""

    def __init__(self, model: T5) -> None:
        self.architecture, weights = model.architecture, model.weights
        self.embedding = model.embedding
        self.blocks = [_block(weights, i) for i in range(self.architecture.encoder_layers)]
        biases = (position_bias("encoder", i) for i in range(self.architecture.encoder_layers))
        self.position_biases = [weights[name] for name in biases if name in weights]
        self.final_norm = weights["encoder.final_layer_norm.weight"]

    @property
    def device(self) -> torch.device:
        return self.embedding.device

    def __call__(self, batch: TokenBatch) -> torch.Tensor:
        return self.from_embedded(self.embedding[batch.tokens], batch.layout)

    def from_embedded(
        self,
        embedded: torch.Tensor,
        layout: Layout,
        drop: Drop = keep,
        recompute: bool = False,
    ) -> torch.Tensor:
        """From the embedding `[token, d_model]` of every token; with `recompute`, what is inside a
        layer is computed again for its gradient instead of being kept."""
        stream = drop(embedded, "encoder.embedding")
        for number, block in enumerate(self.blocks):
            if number < len(self.position_biases):
                bias = self._score_bias(self.position_biases[number], layout.mask)
            arguments = (block, stream, bias, layout, drop, f"encoder.{number}")
            stream = run_layer(self._layer, arguments, recompute)
        normed = rms_norm(stream, self.final_norm, self.architecture.epsilon)
        return drop(normed, "encoder.final")

    def _layer(
        self,
        block: dict[str, torch.Tensor],
        stream: torch.Tensor,
        bias: torch.Tensor,
        layout: Layout,
        drop: Drop,
        name: str,
    ) -> torch.Tensor:
        epsilon = self.architecture.epsilon
        normed = rms_norm(stream, block["attention_norm"], epsilon)
        stream = stream + drop(self._attention(block, normed, bias, layout), f"{name}.attention")
        normed = rms_norm(stream, block["mlp_norm"], epsilon)
        written = mlp(block, normed, self.architecture, drop, f"{name}.neurons")
        return stream + drop(written, f"{name}.mlp")

    def _attention(
        self,
        block: dict[str, torch.Tensor],
        normed: torch.Tensor,
        bias: torch.Tensor,
        layout: Layout,
    ) -> torch.Tensor:
        together = torch.cat([block["q"], block["k"], block["v"]])
        grid = layout.to_grid(normed @ together.T)
        queries, keys, values = (
            part.unflatten(-1, (self.architecture.heads, -1)).transpose(1, 2)
            for part in grid.chunk(3, dim=-1)
        )
        weights = (queries @ keys.transpose(-1, -2) + bias).softmax(-1)
        joined = (weights @ values).transpose(1, 2).flatten(2)
        return layout.from_grid(joined) @ block["o"].T

    def _score_bias(self, biases: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Position bias and padding as one addition to the scores `[query, head, to, from]`."""
        buckets = position_buckets(mask.shape[1], self.architecture, True).to(mask.device)
        position = biases[buckets].permute(2, 0, 1)
        return position + mask_bias(mask, position.dtype)[:, None, None, :]


def run_layer(
    layer: Callable[..., torch.Tensor], arguments: tuple, recompute: bool
) -> torch.Tensor:
    """A layer's output; with `recompute`, what is inside is computed again for its gradient."""
    if recompute:
        return checkpoint(layer, *arguments, use_reentrant=False)
    return layer(*arguments)


def mask_bias(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """0 at real tokens and the lowest number elsewhere."""
    lowest = torch.finfo(dtype).min
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, lowest)


def mlp(
    block: dict[str, torch.Tensor],
    normed: torch.Tensor,
    architecture: Architecture,
    drop: Drop,
    name: str,
) -> torch.Tensor:
    """Output `[row, d_model]` of a ReLU or gated MLP, with dropout of its neurons."""
    hidden = ACTIVATIONS[architecture.activation](normed @ block["mlp_in"].T)
    if architecture.gated:
        hidden = hidden * (normed @ block["mlp_gate"].T)
    return drop(hidden, name) @ block["mlp_out"].T


def mlp_weights(weights: Weights, prefix: str) -> dict[str, torch.Tensor]:
    """The matrices of an MLP by role; `prefix` is the name of its layer."""
    dense = f"{prefix}.DenseReluDense"
    gated = f"{dense}.wi_0.weight" in weights
    names = {"mlp_in": "wi_0" if gated else "wi", "mlp_out": "wo"}
    names |= {"mlp_gate": "wi_1"} if gated else {}
    return {role: weights[f"{dense}.{name}.weight"] for role, name in names.items()}


def _block(weights: Weights, index: int) -> dict[str, torch.Tensor]:
    prefix = f"encoder.block.{index}.layer"
    attention = {k: weights[f"{prefix}.0.SelfAttention.{k}.weight"] for k in "qkvo"}
    norms = {
        "attention_norm": weights[f"{prefix}.0.layer_norm.weight"],
        "mlp_norm": weights[f"{prefix}.1.layer_norm.weight"],
    }
    return attention | norms | mlp_weights(weights, f"{prefix}.1")


@cache
def position_buckets(tokens: int, architecture: Architecture, both_ways: bool) -> torch.Tensor:
    """Bucket of every distance `[to, from]`, as T5 has them (Raffel et al. 2020, section 2.1): one
    for every small distance, then logarithmically wider ones. Where attention goes `both_ways` half
    of the buckets are for either direction; else what comes after a position is bucket 0."""
    distance = torch.arange(tokens)[None, :] - torch.arange(tokens)[:, None]
    number = architecture.buckets // (2 if both_ways else 1)
    exact = number // 2
    size = distance.abs() if both_ways else (-distance).clamp(min=0)
    ratio = torch.log(size.clamp(min=1).float() / exact) / math.log(
        architecture.max_distance / exact
    )
    wide = (exact + (ratio * (number - exact)).long()).clamp(max=number - 1)
    buckets = torch.where(size < exact, size, wide)
    return buckets + number * (distance > 0) if both_ways else buckets
