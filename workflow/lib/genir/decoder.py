"""The one decoder step of a T5, run many times over with some component outputs replaced.

With only the start token to attend to, a decoder layer's self-attention is the matrix W_O W_V and
its cross-attention keys and values depend on the query alone. A patch that first replaces something
in layer l therefore reruns layers l, l+1, ... on the clean residual stream that enters layer l; all
patches that have begun run stacked in one batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from transformers import T5ForConditionalGeneration
from transformers.activations import ACT2FN

from genir.components import COMPONENTS, Component
from genir.ranking import Unembedding, rms_norm

Patch = Mapping[tuple[int, Component], torch.Tensor]
"""Replaced outputs: (layer, component) -> `[query, d_model]`, or `[d_model]` for every query."""


@dataclass(frozen=True)
class Memory:
    """What the decoder reads of the queries: keys and values of every layer's cross-attention,
    each `[query, head, token, d_kv]`, and the padding as a score bias `[query, 1, 1, token]`."""

    keys: list[torch.Tensor]
    values: list[torch.Tensor]
    bias: torch.Tensor


@dataclass(frozen=True)
class Trace:
    """An unmodified run: the residual stream entering each layer and after the last
    `[layer + 1, query, d_model]`, and every component's output `[layer, query, d_model]`."""

    residual: torch.Tensor
    outputs: dict[Component, torch.Tensor]

    def output(self, layer: int, component: Component) -> torch.Tensor:
        return self.outputs[component][layer]


@dataclass(frozen=True)
class _Layer:
    """Weights of one decoder layer, matrices stored `[out, in]`."""

    norms: dict[Component, torch.Tensor]
    self_attention: torch.Tensor
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    output: torch.Tensor
    mlp_in: torch.Tensor
    mlp_gate: torch.Tensor | None
    mlp_out: torch.Tensor


class LeanDecoder:
    """The decoder of a T5, ReLU or gated, tied or not, for a single step.

    `docid_tokens` `[document]` are the vocabulary rows that stand for documents.
    """

    def __init__(self, model: T5ForConditionalGeneration, docid_tokens: torch.Tensor) -> None:
        config, decoder = model.config, model.decoder
        self.heads, self.epsilon = config.num_heads, config.layer_norm_epsilon
        self.activation = ACT2FN[config.dense_act_fn]
        self.layers = [_layer_weights(block) for block in decoder.block]
        self.start = decoder.embed_tokens.weight.detach()[config.decoder_start_token_id]
        self.unembedding = Unembedding(
            model.lm_head.weight.detach(),
            decoder.final_layer_norm.weight.detach(),
            self.epsilon,
            config.d_model**-0.5 if config.scale_decoder_outputs else 1.0,
            docid_tokens,
        )

    @torch.no_grad()
    def memory(self, hidden: torch.Tensor, mask: torch.Tensor) -> Memory:
        """Keys and values of encoder output `[query, token, d_model]` under its mask (1 = read)."""
        bias = torch.zeros(mask.shape).masked_fill(mask == 0, torch.finfo(torch.float32).min)
        keys = [self._split_heads(hidden @ layer.key.T) for layer in self.layers]
        values = [self._split_heads(hidden @ layer.value.T) for layer in self.layers]
        return Memory(keys, values, bias[:, None, None, :])

    @torch.no_grad()
    def trace(self, memory: Memory) -> Trace:
        """An unmodified run over all queries of `memory`."""
        stream = self.start.expand(1, len(memory.bias), -1)
        residual, outputs = [stream[0]], {component: [] for component in COMPONENTS}
        for index in range(len(self.layers)):
            for component in COMPONENTS:
                output = self._component(index, component, stream, memory)
                outputs[component].append(output[0])
                stream = stream + output
            residual.append(stream[0])
        return Trace(
            torch.stack(residual), {name: torch.stack(rows) for name, rows in outputs.items()}
        )

    @torch.no_grad()
    def run(self, memory: Memory, trace: Trace, patches: Sequence[Patch]) -> torch.Tensor:
        """The residual stream after the last layer under every patch, `[patch, query, d_model]`.

        Raises ValueError if a patch replaces nothing or names a layer that does not exist.
        """
        first = [self._first_layer(patch) for patch in patches]
        order = sorted(range(len(patches)), key=first.__getitem__)
        stream = trace.residual.new_empty(0, *trace.residual.shape[1:])
        for index in range(len(self.layers)):
            beginning = sum(first[p] == index for p in order)
            clean = trace.residual[index].expand(beginning, -1, -1)
            stream = torch.cat([stream, clean])
            running = [patches[p] for p in order[: len(stream)]]
            if running:
                stream = self._patched_layer(index, stream, memory, running)
        back = torch.empty(len(order), dtype=torch.long)
        back[order] = torch.arange(len(order))
        return stream[back]

    def _patched_layer(
        self, index: int, stream: torch.Tensor, memory: Memory, patches: list[Patch]
    ) -> torch.Tensor:
        for component in COMPONENTS:
            output = self._component(index, component, stream, memory)
            for position, patch in enumerate(patches):
                if (index, component) in patch:
                    output[position] = patch[index, component]
            stream = stream + output
        return stream

    def _first_layer(self, patch: Patch) -> int:
        layers = [layer for layer, _ in patch]
        if not layers or min(layers) < 0 or max(layers) >= len(self.layers):
            raise ValueError(
                f"a patch must name layers 0 to {len(self.layers) - 1}, this one has {layers}"
            )
        return min(layers)

    def _component(
        self, index: int, component: Component, stream: torch.Tensor, memory: Memory
    ) -> torch.Tensor:
        """Output of one component for the residual stream `[patch, query, d_model]`."""
        layer = self.layers[index]
        normed = rms_norm(stream, layer.norms[component], self.epsilon)
        if component == "self_attention":
            return normed @ layer.self_attention.T
        if component == "mlp":
            return self._mlp(layer, normed)
        return self._cross_attention(layer, normed, memory, index)

    def _mlp(self, layer: _Layer, normed: torch.Tensor) -> torch.Tensor:
        hidden = self.activation(normed @ layer.mlp_in.T)
        if layer.mlp_gate is not None:
            hidden = hidden * (normed @ layer.mlp_gate.T)
        return hidden @ layer.mlp_out.T

    def _cross_attention(
        self, layer: _Layer, normed: torch.Tensor, memory: Memory, index: int
    ) -> torch.Tensor:
        queries = self._split_heads((normed @ layer.query.T).transpose(0, 1))
        scores = queries @ memory.keys[index].transpose(-1, -2) + memory.bias
        mixed = scores.softmax(-1) @ memory.values[index]
        joined = mixed.transpose(1, 2).flatten(2)
        return (joined @ layer.output.T).transpose(0, 1)

    def _split_heads(self, states: torch.Tensor) -> torch.Tensor:
        """`[query, token, head * d_kv]` -> `[query, head, token, d_kv]`."""
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _layer_weights(block: torch.nn.Module) -> _Layer:
    attention, cross, feed_forward = block.layer
    own, other, mlp = attention.SelfAttention, cross.EncDecAttention, feed_forward.DenseReluDense
    gated = hasattr(mlp, "wi_1")
    weights = {
        "self_attention": own.o.weight @ own.v.weight,
        "query": other.q.weight,
        "key": other.k.weight,
        "value": other.v.weight,
        "output": other.o.weight,
        "mlp_in": mlp.wi_0.weight if gated else mlp.wi.weight,
        "mlp_gate": mlp.wi_1.weight if gated else None,
        "mlp_out": mlp.wo.weight,
    }
    norms = {
        component: part.layer_norm.weight.detach()
        for component, part in zip(COMPONENTS, block.layer, strict=True)
    }
    return _Layer(norms, **{name: None if w is None else w.detach() for name, w in weights.items()})
