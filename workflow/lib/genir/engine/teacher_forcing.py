"""All decoder steps of a T5 at once, forward and backward, for training on target sequences.

The loss and its gradients are those of the whole model; padding is computed nowhere but inside
attentions.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import T5ForConditionalGeneration

from genir.base.names import COMPONENTS
from genir.engine.dropout import Drop, keep
from genir.engine.encoder import Layout, layout_of, mask_bias, position_buckets, token_batch
from genir.engine.sublayers import Kept, Matrices, Pass, masked
from genir.engine.t5 import t5_of

# Rows are filled up to a multiple of this: products of sizes that were there before need no new
# preparation. So many rows of logits also stay in the cache.
ROWS = 64
IGNORED = -100


class TeacherForcing:
    """Reads and trains the weights of a `T5ForConditionalGeneration`; products with its matrices
    are computed in the type `products`."""

    def __init__(
        self, model: T5ForConditionalGeneration, products: torch.dtype = torch.float32
    ) -> None:
        whole = t5_of(model)
        self.architecture, self.embedding = whole.architecture, whole.embedding
        stacks = {n: w for n, w in whole.weights.items() if n.startswith(("encoder.", "decoder."))}
        table = "relative_attention_bias.weight"
        inner = {n: w for n, w in stacks.items() if w.dim() == 2 and not n.endswith(table)}
        self.matrices = Matrices(inner | {"head": whole.head}, products)
        self.vectors = {n: w for n, w in stacks.items() if n not in inner}

    def loss(
        self, inputs: Sequence[np.ndarray], targets: Sequence[np.ndarray], drop: Drop = keep
    ) -> torch.Tensor:
        """Sum of the cross-entropies of all tokens of `targets`, each given those before it."""
        device, start = self.embedding.device, self.architecture.start_token
        read = token_batch(inputs, device, ROWS)
        longest = max(map(len, targets))
        labels = np.full((len(targets), longest), IGNORED)
        for row, target in zip(labels, targets, strict=True):
            row[: len(target)] = target
        before = np.full_like(labels, start)
        before[:, 1:] = np.where(labels[:, :-1] == IGNORED, start, labels[:, :-1])
        written = torch.from_numpy(before).flatten().to(device)
        embedded = functional.embedding(torch.cat([read.tokens, written]), self.embedding)
        run = Pass(self.architecture, self.matrices, self.vectors, drop)
        grid = layout_of([longest] * len(targets), device)
        both = _Both(run, read.layout, grid, torch.from_numpy(labels).flatten().to(device))
        return _Loss.apply(both, embedded, *self.vectors.values(), *self.matrices.sources)


class _Loss(torch.autograd.Function):
    """Autograd's view: embeddings and weights in, loss out."""

    @staticmethod
    def forward(
        context: Any, both: "_Both", embedded: torch.Tensor, *weights: torch.Tensor
    ) -> torch.Tensor:
        context.both = both
        return both.forward(embedded)

    @staticmethod
    def backward(context: Any, scale: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        run = context.both.run
        embedded = context.both.backward(scale)
        vectors = [run.of_vectors[name] for name in run.vectors]
        return None, embedded, *vectors, *run.matrices.gradients()


class _Both:
    """One batch through encoder, decoder and head, and back."""

    def __init__(self, run: Pass, inputs: Layout, targets: Layout, labels: torch.Tensor) -> None:
        self.run, self.inputs = run, inputs
        self.real = (labels != IGNORED).float()[:, None]
        self.labels = labels.clamp(min=0)[:, None]
        self.encoder = _Stack(run, "encoder", run.architecture.encoder_layers, inputs)
        self.decoder = _Stack(run, "decoder", run.architecture.decoder_layers, targets)

    def forward(self, embedded: torch.Tensor) -> torch.Tensor:
        self.run.matrices.read()
        products, a = self.run.matrices.products, self.run.architecture
        inputs = len(self.inputs.places) + self.inputs.fill
        hidden = self.encoder.forward(embedded[:inputs].float())
        self.hidden = self.inputs.to_grid(hidden.to(products))
        self.seen = mask_bias(self.inputs.mask, torch.float32)[:, None, :]
        normed = self.decoder.forward(embedded[inputs:].float(), (self.hidden, self.seen))
        self.read_out = (normed * a.scale).to(products)
        self.change = self.run.product("head", self.read_out)
        return self._cross_entropy(self.change)

    def _cross_entropy(self, logits: torch.Tensor) -> torch.Tensor:
        """Sum over real rows; `logits` `[row, token]` become its gradient, some rows at a time so
        that what is computed stays in the cache."""
        losses = []
        for logit, label, real in zip(
            *(rows.split(ROWS) for rows in (logits, self.labels, self.real)), strict=True
        ):
            own = logit.float()
            own.sub_(own.amax(1, keepdim=True))
            of_label = own.gather(1, label)
            sums = own.exp_().sum(1, keepdim=True)
            losses.append(((sums.log_() - of_label) * real).sum())
            own.mul_(real / sums.exp_()).scatter_add_(1, label, -real)
            logit.copy_(own)
        return torch.stack(losses).sum()

    def backward(self, scale: torch.Tensor) -> torch.Tensor:
        """Gradient of the embeddings; those of the weights are left in `run`."""
        rows = self.read_out * scale.to(self.read_out.dtype)
        change = self.run.product_back("head", self.change, rows).float()
        change.mul_(self.run.architecture.scale * scale)
        of_hidden = torch.zeros_like(self.hidden, dtype=torch.float32)
        of_targets = self.decoder.backward(change, of_hidden)
        of_inputs = self.encoder.backward(self.inputs.from_grid(of_hidden))
        return torch.cat([of_inputs, of_targets])


class _Stack:
    """Encoder or decoder: its sublayers between embedding and final norm."""

    def __init__(self, run: Pass, name: str, layers: int, layout: Layout) -> None:
        self.run, self.name, self.layout = run, name, layout
        names = ("self_attention", "mlp") if name == "encoder" else COMPONENTS
        self.sublayers = [
            (component, f"{name}.block.{layer}.layer.{number}", f"{name}.{layer}")
            for layer in range(layers)
            for number, component in enumerate(names)
        ]
        both_ways, mask = name == "encoder", layout.mask
        self.buckets = position_buckets(mask.shape[1], run.architecture, both_ways)
        self.buckets = self.buckets.to(mask.device)
        past = torch.ones_like(self.buckets, dtype=torch.bool).tril()
        self.unseen = mask_bias(mask[:, None] if both_ways else past, torch.float32)
        self.kept: list[tuple[Kept, torch.Tensor | None, Kept]] = []

    def _bias(self, table: str) -> torch.Tensor:
        """What is added to the scores `[head, sequence or 1, to, from]`: the position bias, and
        that a decoder must not see what comes, an encoder no padding."""
        position = self.run.vectors[table].detach()[self.buckets].permute(2, 0, 1)[:, None]
        return position + self.unseen

    def _table(self, prefix: str) -> str | None:
        """The position biases that a self-attention brings along, if it does."""
        name = f"{prefix}.SelfAttention.relative_attention_bias.weight"
        return name if name in self.run.vectors else None

    def forward(
        self, stream: torch.Tensor, read: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> torch.Tensor:
        """States `[token, d_model]` after the final norm; the decoder reads hidden states and which
        of them are there."""
        run = self.run
        stream, self.first = run.dropped(stream, f"{self.name}.embedding")
        stream = stream.clone()
        for component, prefix, place in self.sublayers:
            normed, norm = run.norm(f"{prefix}.layer_norm.weight", stream)
            normed = normed.to(run.matrices.products)
            if component == "self_attention":
                if table := self._table(prefix):
                    bias = self._bias(table)
                written, kept = run.self_attention(prefix, normed, self.layout, bias)
            elif component == "cross_attention":
                written, kept = run.cross_attention(prefix, normed, *read)
            else:
                written, kept = run.mlp(prefix, normed, f"{place}.neurons")
            written, mask = run.dropped(written, f"{place}.{component}")
            self.kept.append((norm, mask, kept))
            stream.add_(written)
        normed, self.final = run.norm(f"{self.name}.final_layer_norm.weight", stream)
        normed, self.last = run.dropped(normed, f"{self.name}.final")
        return normed

    def backward(self, change: torch.Tensor, of_hidden: torch.Tensor | None = None) -> torch.Tensor:
        """Gradient of the embeddings `[token, d_model]`; adds to that of the hidden states."""
        run = self.run
        of_bias = self._no_change()
        stream = run.norm_back(masked(change, self.last), *self.final)
        for component, prefix, _ in reversed(self.sublayers):
            norm, mask, kept = self.kept.pop()
            change = masked(stream, mask).to(run.matrices.products)
            if component == "self_attention":
                change = run.self_attention_back(prefix, change, of_bias, kept)
                if table := self._table(prefix):
                    self._bias_back(table, of_bias)
                    of_bias = self._no_change()
            elif component == "cross_attention":
                change = run.cross_attention_back(prefix, change, of_hidden, kept)
            else:
                change = run.mlp_back(prefix, change, kept)
            stream += run.norm_back(change.float(), *norm)
        return masked(stream, self.first)

    def _no_change(self) -> torch.Tensor:
        """`[head, to, from]`"""
        return self.unseen.new_zeros(self.run.architecture.heads, *self.buckets.shape)

    def _bias_back(self, table: str, of_bias: torch.Tensor) -> None:
        """Gradient of position biases from that of the scores of the layers that read them."""
        change = torch.zeros_like(self.run.vectors[table])
        rows = of_bias.flatten(1).T
        self.run.of_vectors[table] = change.index_add_(0, self.buckets.flatten(), rows)
