"""The sublayers of a T5 forward and backward, written out.

A small T5 is bound not by its products but by the number of operations: autograd and the casts of
autocast cost more than the matrices. Here each sublayer keeps what its gradient needs and nothing
is computed or cast twice. Rows are packed tokens `[token, width]`; grids `[sequence, longest, ...]`
exist inside attentions only. Norms, softmax, attention weights and the residual stream are in
float32, the products with weights in the type of `Matrices`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch

from genir.engine.dropout import Drop, keep
from genir.engine.encoder import Layout
from genir.engine.t5 import ACTIVATIONS, Architecture, Weights

Kept = tuple[Any, ...]
SHORT = 16


class Matrices:
    """Copies of weights `[out, in]` in the type of products, and room for their gradients; those of
    one attention's queries, keys and values lie one behind the other."""

    def __init__(self, weights: Weights, products: torch.dtype) -> None:
        self.products = products
        self.sources = list(weights.values())
        sizes = [weight.numel() for weight in self.sources]
        values, changes = (self.sources[0].new_empty(sum(sizes), dtype=products) for _ in "ab")
        self.values, self.changes = (
            {
                name: part.view(weight.shape)
                for (name, weight), part in zip(weights.items(), flat.split(sizes), strict=True)
            }
            for flat in (values, changes)
        )
        self._flat_changes, self._sizes = changes, sizes
        self._starts = dict(zip(weights, accumulate(sizes, initial=0), strict=False))
        self._flat_values = values

    def read(self) -> None:
        """Take over the weights as they are now."""
        with torch.no_grad():
            torch._foreach_copy_(list(self.values.values()), self.sources)

    def joined(self, names: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Several matrices that lie one behind the other as one, and its gradient."""
        start, rows = self._starts[names[0]], sum(len(self.values[name]) for name in names)
        shape = (rows, self.values[names[0]].shape[1])
        size = shape[0] * shape[1]
        return (
            self._flat_values.narrow(0, start, size).view(shape),
            self._flat_changes.narrow(0, start, size).view(shape),
        )

    def gradients(self) -> list[torch.Tensor]:
        """Gradients in float32, in the order of the weights."""
        flat = self._flat_changes.to(torch.float32, copy=True)
        parts = zip(flat.split(self._sizes), self.sources, strict=True)
        return [part.view(weight.shape) for part, weight in parts]


@dataclass
class Pass:
    """One batch through the sublayers and back: `vectors` are the weights that are no matrices of
    products (norms, position biases), `of_vectors` their gradients."""

    architecture: Architecture
    matrices: Matrices
    vectors: Weights
    drop: Drop = keep
    of_vectors: dict[str, torch.Tensor] = field(default_factory=dict)

    def dropped(self, states: torch.Tensor, place: str) -> tuple[torch.Tensor, torch.Tensor | None]:
        """States after dropout and the mask that was applied."""
        if self.drop is keep:
            return states, None
        mask = self.drop(torch.ones_like(states), place).to(states.dtype)
        return states * mask, mask

    def norm(self, name: str, stream: torch.Tensor) -> tuple[torch.Tensor, Kept]:
        """T5's norm `[row, d_model]` of the residual stream, as `t5.rms_norm`."""
        inverse = torch.linalg.vecdot(stream, stream).div_(stream.shape[1])[:, None]
        inverse = inverse.add_(self.architecture.epsilon).rsqrt_()
        inverse.masked_fill_(inverse == 0, torch.nan)
        unit = stream * inverse
        return unit * self.vectors[name], (name, unit, inverse)

    def norm_back(
        self, change: torch.Tensor, name: str, unit: torch.Tensor, inverse: torch.Tensor
    ) -> torch.Tensor:
        along = change * unit
        self.of_vectors[name] = along.sum(0)
        change = change * self.vectors[name]
        mean = (along @ self.vectors[name]).div_(unit.shape[1])[:, None]
        return change.addcmul_(unit, mean, value=-1).mul_(inverse)

    def product(self, name: str, rows: torch.Tensor) -> torch.Tensor:
        return rows @ self.matrices.values[name].T

    def product_back(self, name: str, change: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        torch.mm(change.T, rows, out=self.matrices.changes[name])
        return change @ self.matrices.values[name]

    def self_attention(
        self, prefix: str, normed: torch.Tensor, layout: Layout, bias: torch.Tensor
    ) -> tuple[torch.Tensor, Kept]:
        """Output `[token, d_model]`; `bias` `[head, sequence or 1, to, from]` is added to the
        scores."""
        heads = self.architecture.heads
        together, _ = self.matrices.joined([f"{prefix}.SelfAttention.{k}.weight" for k in "qkv"])
        parts = _heads_first(layout.to_grid(normed @ together.T), 3 * heads)
        queries, keys, values = parts.view(3, -1, layout.mask.shape[1], parts.shape[-1])
        scores = torch.bmm(queries, keys.transpose(1, 2)).float()
        scores = scores.view(heads, -1, *scores.shape[1:]).add_(bias)
        given = _softmax(scores).flatten(0, 1)
        lean = given.to(self.matrices.products)
        mixed = layout.from_grid(_heads_last(torch.bmm(lean, values), heads))
        kept = (normed, layout, queries, keys, values, given, lean, mixed)
        return self.product(f"{prefix}.SelfAttention.o.weight", mixed), kept

    def self_attention_back(
        self, prefix: str, change: torch.Tensor, of_bias: torch.Tensor, kept: Kept
    ) -> torch.Tensor:
        """Through `self_attention`; adds to `of_bias` `[head, to, from]`."""
        normed, layout, queries, keys, values, given, lean, mixed = kept
        heads = self.architecture.heads
        change = layout.to_grid(
            self.product_back(f"{prefix}.SelfAttention.o.weight", change, mixed)
        )
        change = _heads_first(change, heads).view(queries.shape)
        of_scores = _softmax_back(torch.bmm(change, values.transpose(1, 2)).float(), given)
        of_bias += of_scores.view(heads, -1, *of_scores.shape[1:]).sum(1)
        of_scores = of_scores.to(lean.dtype)
        parts = queries.new_empty(3, *queries.shape)
        torch.bmm(of_scores, keys, out=parts[0])
        torch.bmm(of_scores.transpose(1, 2), queries, out=parts[1])
        torch.bmm(lean.transpose(1, 2), change, out=parts[2])
        of_products = layout.from_grid(_heads_last(parts, 3 * heads))
        together, of_together = self.matrices.joined(
            [f"{prefix}.SelfAttention.{k}.weight" for k in "qkv"]
        )
        torch.mm(of_products.T, normed, out=of_together)
        return of_products @ together

    def cross_attention(
        self,
        prefix: str,
        normed: torch.Tensor,
        hidden: torch.Tensor,
        seen: torch.Tensor,
    ) -> tuple[torch.Tensor, Kept]:
        """Output `[token, d_model]`; reads `hidden` `[sequence, input, d_model]` where `seen`
        `[sequence, 1, input]` is 0.

        There are fewer targets than inputs, so neither keys nor values are computed:
        q . (W_K h) = (W_K^T q) . h and sum_t a_t W_V h_t = W_V sum_t a_t h_t.
        """
        heads, sequences = self.architecture.heads, len(hidden)
        keys, values = (self._heads_of(prefix, k) for k in "kv")
        queries = _heads_first(self.product(f"{prefix}.EncDecAttention.q.weight", normed), heads)
        asked = _heads_last(torch.bmm(queries, keys), heads).view(sequences, -1, hidden.shape[2])
        scores = torch.bmm(asked, hidden.transpose(1, 2)).float()
        given = _softmax(scores.add_(seen))
        lean = given.to(self.matrices.products)
        mixed = _heads_first(torch.bmm(lean, hidden).view(len(normed), -1), heads)
        joined = _heads_last(torch.bmm(mixed, values.transpose(1, 2)), heads)
        kept = (normed, hidden, queries, asked, given, lean, mixed, joined)
        return self.product(f"{prefix}.EncDecAttention.o.weight", joined), kept

    def cross_attention_back(
        self, prefix: str, change: torch.Tensor, of_hidden: torch.Tensor, kept: Kept
    ) -> torch.Tensor:
        """Through `cross_attention`; adds to `of_hidden` `[sequence, input, d_model]`."""
        normed, hidden, queries, asked, given, lean, mixed, joined = kept
        heads = self.architecture.heads
        keys, values = (self._heads_of(prefix, k) for k in "kv")
        of_keys, of_values = (
            self.matrices.changes[f"{prefix}.EncDecAttention.{k}.weight"].view(keys.shape)
            for k in "kv"
        )
        change = self.product_back(f"{prefix}.EncDecAttention.o.weight", change, joined)
        change = _heads_first(change, heads)
        torch.bmm(change.transpose(1, 2), mixed, out=of_values)
        of_mixed = _heads_last(torch.bmm(change, values), heads).view(asked.shape)
        of_given = torch.bmm(of_mixed, hidden.transpose(1, 2)).float()
        of_scores = _softmax_back(of_given, given).to(lean.dtype)
        read = torch.cat([lean, of_scores], 1).transpose(1, 2)
        of_hidden += torch.bmm(read, torch.cat([of_mixed, asked], 1))
        of_asked = _heads_first(torch.bmm(of_scores, hidden).view(len(normed), -1), heads)
        torch.bmm(queries.transpose(1, 2), of_asked, out=of_keys)
        of_queries = _heads_last(torch.bmm(of_asked, keys.transpose(1, 2)), heads)
        return self.product_back(f"{prefix}.EncDecAttention.q.weight", of_queries, normed)

    def _heads_of(self, prefix: str, role: str) -> torch.Tensor:
        """`[head, d_kv, d_model]`"""
        weight = self.matrices.values[f"{prefix}.EncDecAttention.{role}.weight"]
        return weight.unflatten(0, (self.architecture.heads, -1))

    def mlp(self, prefix: str, normed: torch.Tensor, place: str) -> tuple[torch.Tensor, Kept]:
        """Output `[token, d_model]` of a ReLU or gated MLP."""
        a = self.architecture
        sums = self.product(f"{prefix}.DenseReluDense.{'wi_0' if a.gated else 'wi'}.weight", normed)
        gate = self.product(f"{prefix}.DenseReluDense.wi_1.weight", normed) if a.gated else None
        if a.activation == "relu":
            sums = neurons = torch.relu_(sums)
        else:
            neurons = ACTIVATIONS[a.activation](sums)
        given, mask = self.dropped(neurons if gate is None else neurons * gate, place)
        kept = (normed, sums, neurons, gate, mask, given)
        return self.product(f"{prefix}.DenseReluDense.wo.weight", given), kept

    def mlp_back(self, prefix: str, change: torch.Tensor, kept: Kept) -> torch.Tensor:
        normed, sums, neurons, gate, mask, given = kept
        change = masked(
            self.product_back(f"{prefix}.DenseReluDense.wo.weight", change, given), mask
        )
        of_neurons = change if gate is None else change * gate
        of_sums = _activation_back(self.architecture.activation, of_neurons, sums)
        if gate is None:
            return self.product_back(f"{prefix}.DenseReluDense.wi.weight", of_sums, normed)
        through = self.product_back(f"{prefix}.DenseReluDense.wi_0.weight", of_sums, normed)
        return through + self.product_back(
            f"{prefix}.DenseReluDense.wi_1.weight", change * neurons, normed
        )


def _heads_first(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """`[..., head * width]` -> `[head, row, width]`"""
    return rows.view(-1, heads, rows.shape[-1] // heads).transpose(0, 1).contiguous()


def _heads_last(parts: torch.Tensor, heads: int) -> torch.Tensor:
    """`[head * ..., row, width]` -> `[row, head * width]`"""
    return parts.view(heads, -1, parts.shape[-1]).transpose(0, 1).flatten(1)


def masked(change: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    return change if mask is None else change * mask


def _softmax(scores: torch.Tensor) -> torch.Tensor:
    """Over the last dimension. That of torch takes several times longer where rows are short."""
    if scores.shape[-1] >= SHORT:
        return scores.softmax(-1)
    given = scores.sub_(scores.amax(-1, keepdim=True)).exp_()
    return given.div_(given.sum(-1, keepdim=True))


def _softmax_back(change: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    if given.shape[-1] >= SHORT:
        return torch.ops.aten._softmax_backward_data(change, given, -1, given.dtype)
    change = change * given
    return change.sub_(given * change.sum(-1, keepdim=True))


def _activation_back(name: str, change: torch.Tensor, sums: torch.Tensor) -> torch.Tensor:
    if name == "relu":
        return torch.ops.aten.threshold_backward(change, sums, 0)
    with torch.enable_grad():
        inputs = sums.detach().requires_grad_()
        return torch.autograd.grad(ACTIVATIONS[name](inputs), inputs, change)[0]
