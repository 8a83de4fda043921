"""The one decoder step of a T5 with gradients, for training.

Same logits as the whole model, without what one step does not need: padding, the queries and keys
of the decoder's self-attention (one key has weight 1), and the keys and values of the
cross-attention for every input token. With a single decoder position,
q . (W_K h) = (W_K^T q) . h and sum_t a_t W_V h_t = W_V sum_t a_t h_t: one vector per head is
multiplied by W_K and W_V where the usual order multiplies every token's.
"""

from collections.abc import Sequence

import numpy as np
import torch

from genir.engine.dropout import Drop, keep
from genir.engine.encoder import LeanEncoder, mask_bias, mlp, mlp_weights, run_layer, token_batch
from genir.engine.t5 import Weights, rms_norm, t5_of


class OneStep:
    """Reads and trains the weights of a `T5ForConditionalGeneration` or what has them by its names,
    as `t5_of` takes them. `embedding` `[row, d_model]`, in which tokens are looked up, and `head`,
    the output projection in blocks of rows, may be given in place of the model's own."""

    def __init__(
        self,
        model: torch.nn.Module,
        embedding: torch.Tensor | None = None,
        head: Sequence[torch.Tensor] = (),
    ) -> None:
        whole = t5_of(model)
        self.architecture = whole.architecture
        self.encoder = LeanEncoder(whole)
        if embedding is not None:
            self.encoder.embedding = embedding
        self.head = tuple(head) or (whole.head,)
        self.final_norm = whole.weights["decoder.final_layer_norm.weight"]
        self.blocks = [_block(whole.weights, i) for i in range(self.architecture.decoder_layers)]

    def logits(
        self, inputs: Sequence[np.ndarray], drop: Drop = keep, recompute: bool = False
    ) -> torch.Tensor:
        """Logits `[example, vocabulary]` of the step after the start token. With `recompute`, what
        is inside a layer is computed again for its gradient instead of being kept."""
        batch = token_batch(inputs, self.encoder.device)
        start = batch.tokens.new_tensor([self.architecture.start_token])
        embedded = torch.nn.functional.embedding(
            torch.cat([batch.tokens, start]), self.encoder.embedding
        )
        layout = batch.layout
        packed = self.encoder.from_embedded(embedded[:-1], layout, drop, recompute)
        hidden, bias = layout.to_grid(packed), mask_bias(layout.mask, packed.dtype)[:, None, :]
        stream = drop(embedded[-1].expand(len(inputs), -1), "decoder.start")
        for number, block in enumerate(self.blocks):
            arguments = (block, stream, hidden, bias, drop, f"decoder.{number}")
            stream = run_layer(self._layer, arguments, recompute)
        normed = rms_norm(stream, self.final_norm, self.architecture.epsilon)
        final = drop(normed, "decoder.final") * self.architecture.scale
        logits = [final @ rows.T for rows in self.head]
        return logits[0] if len(logits) == 1 else torch.cat(logits, -1)

    def _layer(
        self,
        block: dict[str, torch.Tensor],
        stream: torch.Tensor,
        hidden: torch.Tensor,
        bias: torch.Tensor,
        drop: Drop,
        name: str,
    ) -> torch.Tensor:
        epsilon = self.architecture.epsilon
        normed = rms_norm(stream, block["self_norm"], epsilon)
        own = normed @ block["own_v"].T @ block["own_o"].T
        stream = stream + drop(own, f"{name}.self_attention")
        normed = rms_norm(stream, block["cross_norm"], epsilon)
        read = self._cross_attention(block, normed, hidden, bias)
        stream = stream + drop(read, f"{name}.cross_attention")
        normed = rms_norm(stream, block["mlp_norm"], epsilon)
        written = mlp(block, normed, self.architecture, drop, f"{name}.neurons")
        return stream + drop(written, f"{name}.mlp")

    def _cross_attention(
        self,
        block: dict[str, torch.Tensor],
        normed: torch.Tensor,
        hidden: torch.Tensor,
        bias: torch.Tensor,
    ) -> torch.Tensor:
        heads = self.architecture.heads
        keys, values = (block[k].unflatten(0, (heads, -1)) for k in "kv")
        queries = (normed @ block["q"].T).unflatten(1, (heads, -1)).transpose(0, 1)
        asked = (queries @ keys).transpose(0, 1)
        weights = (asked @ hidden.transpose(1, 2) + bias).softmax(-1)
        mixed = (weights @ hidden).transpose(0, 1)
        joined = (mixed @ values.transpose(1, 2)).transpose(0, 1).flatten(1)
        return joined @ block["o"].T


def _block(weights: Weights, index: int) -> dict[str, torch.Tensor]:
    prefix = f"decoder.block.{index}.layer"
    norms = {
        name: weights[f"{prefix}.{part}.layer_norm.weight"]
        for part, name in enumerate(("self_norm", "cross_norm", "mlp_norm"))
    }
    own = {f"own_{k}": weights[f"{prefix}.0.SelfAttention.{k}.weight"] for k in "vo"}
    cross = {k: weights[f"{prefix}.1.EncDecAttention.{k}.weight"] for k in "qkvo"}
    return norms | own | cross | mlp_weights(weights, f"{prefix}.2")
