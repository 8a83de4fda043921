"""The one decoder step of a T5, run many times over with some component outputs replaced.

With only the start token to attend to, a decoder layer's self-attention is the matrix W_O W_V, and
its cross-attention keys and values depend on the query alone. A patch therefore begins on the clean
residual stream before the first component it replaces, and all patches that have begun run stacked
in one batch.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from genir.base.names import COMPONENTS, Component
from genir.engine.encoder import Layout, mask_bias, mlp_weights
from genir.engine.ranking import Unembedding
from genir.engine.t5 import ACTIVATIONS, T5, Weights

Place = tuple[int, Component] | tuple[int, Component, int]
"""A component of a layer, or one head of an attention: (layer, component[, head])."""

Patch = Mapping[Place, torch.Tensor]
"""Replaced outputs, each what the place adds to the residual stream: `[query, d_model]`, or
`[d_model]` for every query."""


@dataclass(frozen=True)
class Memory:
    """What the decoder reads of the queries: keys and values of every layer's cross-attention,
    each `[query * head, token, d_kv]`, and the padding as a score bias
    `[query * head, 1, token]`."""

    keys: Sequence[torch.Tensor] | Mapping[int, torch.Tensor]
    values: Sequence[torch.Tensor] | Mapping[int, torch.Tensor]
    bias: torch.Tensor


@dataclass(frozen=True)
class Trace:
    """An unmodified run: the residual stream before every component and after the last
    `[layer * 3 + 1, query, d_model]`, and every component's output `[layer, query, d_model]`."""

    states: torch.Tensor
    outputs: dict[Component, torch.Tensor]

    @property
    def residual(self) -> torch.Tensor:
        """The residual stream before each layer and after the last
        `[layer + 1, query, d_model]`."""
        return self.states[:: len(COMPONENTS)]

    @property
    def terms(self) -> torch.Tensor:
        """What the residual stream is the sum of, in the order of the run: the start token's
        embedding, then every component's output `[layer * 3 + 1, query, d_model]`."""
        outputs = torch.stack([self.outputs[name] for name in COMPONENTS], 1).flatten(0, 1)
        return torch.cat([self.states[:1], outputs])

    def before(self, layer: int, component: Component) -> torch.Tensor:
        """The residual stream that a component reads, `[query, d_model]`."""
        return self.states[len(COMPONENTS) * layer + COMPONENTS.index(component)]

    def output(self, layer: int, component: Component) -> torch.Tensor:
        return self.outputs[component][layer]


class LeanDecoder:
    """The decoder of a T5, ReLU or gated, tied or not, for a single step.

    `docid_tokens` `[document]` are the vocabulary rows that stand for documents; `precision` is
    that of the products behind ranks (float32 or bfloat16; the ranks are the same).
    """

    def __init__(
        self, model: T5, docid_tokens: torch.Tensor, precision: torch.dtype = torch.float32
    ) -> None:
        self.architecture = model.architecture
        self.layers = [
            _layer(model.weights, index) for index in range(self.architecture.decoder_layers)
        ]
        self.start = model.embedding[self.architecture.start_token].detach()
        self._model, self._docid_tokens, self._precision = model, docid_tokens, precision

    @cached_property
    def unembedding(self) -> Unembedding:
        """Made when it is first asked for: a model that is only traced never reads its head."""
        return Unembedding(
            self._model.head.detach(),
            self._model.weights["decoder.final_layer_norm.weight"].detach(),
            self.architecture.epsilon,
            self.architecture.scale,
            self._docid_tokens,
            self._precision,
        )

    @torch.no_grad()
    def memory(self, hidden: torch.Tensor, layout: Layout) -> Memory:
        """Keys and values of packed encoder output `[token, d_model]`."""
        bias = mask_bias(layout.mask, hidden.dtype).repeat_interleave(self.architecture.heads, 0)
        keys = [self._split_heads(hidden @ layer.key.T, layout) for layer in self.layers]
        values = [self._split_heads(hidden @ layer.value.T, layout) for layer in self.layers]
        return Memory(keys, values, bias[:, None, :])

    @torch.no_grad()
    def trace(self, memory: Memory) -> Trace:
        """An unmodified run over all queries of `memory`."""
        queries = len(memory.bias) // self.architecture.heads
        stream = self.start.repeat(1, queries, 1)
        states, outputs = [stream[0]], {component: [] for component in COMPONENTS}
        for layer, component in self.places:
            output = torch.zeros_like(stream)
            self.add(layer, component, stream, memory, output, [{}])
            outputs[component].append(output[0])
            stream = stream + output
            states.append(stream[0])
        return Trace(
            torch.stack(states), {name: torch.stack(rows) for name, rows in outputs.items()}
        )

    @torch.no_grad()
    def run(self, memory: Memory, trace: Trace, patches: Sequence[Patch]) -> torch.Tensor:
        """The residual stream after the last layer under every patch, `[patch, query, d_model]`.

        Raises ValueError if a patch replaces nothing or names a place that does not exist.
        """
        residual = trace.states.new_empty(len(patches), *trace.states.shape[1:])
        for chosen, stream in self.runs(memory, trace, patches, len(patches)):
            residual[chosen] = stream
        return residual

    @torch.no_grad()
    def runs(
        self, memory: Memory, trace: Trace, patches: Sequence[Patch], together: int
    ) -> Iterator[tuple[list[int], torch.Tensor]]:
        """What `run` gives, at most `together` patches at a time: their numbers and their residual
        streams `[patch, query, d_model]`. Patches that begin at a similar depth come together."""
        for chosen in self.stacks(patches, together):
            begun = [(self._start(patches[i]), patches[i]) for i in chosen]
            yield chosen, self._stack(memory, trace, begun)

    def stacks(self, patches: Sequence[Collection[Place]], together: int) -> list[list[int]]:
        """Numbers of the patches that `runs` gives together; of a patch its places will do."""
        starts = [self._start(patch) for patch in patches]
        order = sorted(range(len(patches)), key=starts.__getitem__)
        return [order[first : first + together] for first in range(0, len(order), together)]

    def _stack(self, memory: Memory, trace: Trace, begun: list[tuple[int, Patch]]) -> torch.Tensor:
        """The last residual streams of patches sorted by where they begin."""
        stream = trace.states.new_empty(len(begun), *trace.states.shape[1:])
        patches = [patch for _, patch in begun]
        live = 0
        for position, place in enumerate(self.places):
            if live:
                self._advance(stream[:live], memory, place, patches[:live])
            heads = None
            while live < len(begun) and begun[live][0] == position:
                patch = patches[live]
                if place in patch:
                    stream[live] = trace.states[position] + patch[place]
                else:
                    if heads is None:
                        heads = self.head_outputs(memory, trace, *place)
                    stream[live] = trace.states[position + 1]
                    for head, value in _heads(patch, place).items():
                        stream[live] += value - heads[head]
                live += 1
        return stream

    def _advance(
        self, stream: torch.Tensor, memory: Memory, place: Place, patches: list[Patch]
    ) -> None:
        """Add one component's output, or what replaces it, to running streams in place."""
        free = [number for number, patch in enumerate(patches) if place not in patch]
        heads = [_heads(patches[number], place) for number in free]
        if len(free) == len(stream):
            self.add(*place, stream, memory, stream, heads)
        elif free:
            part = stream[free]
            self.add(*place, part, memory, part, heads)
            stream[free] = part
        for number, patch in enumerate(patches):
            if place in patch:
                stream[number] += patch[place]

    @torch.no_grad()
    def head_outputs(
        self, memory: Memory, trace: Trace, layer: int, component: Component
    ) -> torch.Tensor:
        """What each head of an attention adds to the residual stream of an unmodified run,
        `[head, query, d_model]`; they sum to the component's output."""
        weights = self.layers[layer]
        stream = trace.before(layer, component)[None]
        normed = self._normed(stream)
        if component == "self_attention":
            mixed, output = normed @ weights.own_value.T, weights.own_output
        else:
            mixed, output = self._mixed(normed, memory, layer), weights.output
        by_head = output.unflatten(1, (self.architecture.heads, -1))
        return torch.einsum("qhk,dhk->hqd", mixed[0].unflatten(-1, by_head.shape[1:]), by_head)

    @torch.no_grad()
    def attended_keys(self, memory: Memory, trace: Trace, layer: int) -> torch.Tensor:
        """The key at the position that each head of a cross-attention attends to most in an
        unmodified run, `[query, head, d_kv]`."""
        normed = self._normed(trace.before(layer, "cross_attention")[None])
        places = self._scores(normed, memory, layer)[:, 0].argmax(-1)
        keys = memory.keys[layer]
        attended = keys[torch.arange(len(keys), device=keys.device), places]
        return attended.unflatten(0, (-1, self.architecture.heads))

    def outputs(self, memory: Memory, trace: Trace) -> "Outputs":
        """What every place adds to the residual stream in an unmodified run."""
        return Outputs(self, memory, trace)

    def add(
        self,
        layer: int,
        component: Component,
        stream: torch.Tensor,
        memory: Memory,
        total: torch.Tensor,
        heads: list[dict[int, torch.Tensor]],
    ) -> None:
        """Add a component's output for the residual stream `[patch, query, d_model]` to `total`
        in place; `heads` are the heads that each patch replaces in it."""
        weights, normed = self.layers[layer], self._normed(stream)
        flat = total.view(-1, total.shape[-1])
        if component == "mlp":
            flat.addmm_(self._neurons(weights, normed.flatten(0, 1)), weights.mlp_out.T)
        elif component == "self_attention":
            flat.addmm_(normed.flatten(0, 1), weights.self_attention.T)
            for number, replaced in enumerate(heads):
                for head, value in replaced.items():
                    rows = slice(head * self.architecture.d_kv, (head + 1) * self.architecture.d_kv)
                    own = normed[number] @ weights.own_value[rows].T @ weights.own_output[:, rows].T
                    total[number] += value - own
        else:
            mixed = self._mixed(normed, memory, layer)
            for number, replaced in enumerate(heads):
                for head, value in replaced.items():
                    mixed[number].unflatten(-1, (self.architecture.heads, -1))[:, head] = 0
                    total[number] += value
            flat.addmm_(mixed.flatten(0, 1), weights.output.T)

    @torch.no_grad()
    def after(
        self, layer: int, component: Component, stream: torch.Tensor, memory: Memory
    ) -> torch.Tensor:
        """The residual stream `[patch, query, d_model]` with a component's output added."""
        total = stream.clone()
        self.add(layer, component, stream, memory, total, [])
        return total

    def scale(self, stream: torch.Tensor) -> torch.Tensor:
        """One over the root mean square of the stream `[..., d_model]`: `[..., 1]`; NaN, as in
        `rms_norm`, where that is too large for a float."""
        square = torch.linalg.vector_norm(stream, dim=-1, keepdim=True).square()
        square.masked_fill_(square == torch.inf, torch.nan)
        return square.div_(stream.shape[-1]).add_(self.architecture.epsilon).rsqrt_()

    def _normed(self, stream: torch.Tensor) -> torch.Tensor:
        """The stream over its root mean square; norm weights are in the matrices."""
        return stream * self.scale(stream)

    def _neurons(self, weights: "_Layer", normed: torch.Tensor) -> torch.Tensor:
        hidden = ACTIVATIONS[self.architecture.activation](normed @ weights.mlp_in.T)
        return hidden if weights.mlp_gate is None else hidden.mul_(normed @ weights.mlp_gate.T)

    def _mixed(self, normed: torch.Tensor, memory: Memory, layer: int) -> torch.Tensor:
        """What the cross-attention's heads attend to, joined: `[patch, query, head * d_kv]`."""
        mixed = torch.bmm(self._scores(normed, memory, layer).softmax(-1), memory.values[layer])
        return mixed.transpose(0, 1).reshape(*normed.shape[:2], -1)

    def _scores(self, normed: torch.Tensor, memory: Memory, layer: int) -> torch.Tensor:
        """Attention scores with padding, before the softmax: `[query * head, patch, token]`."""
        keys = memory.keys[layer]
        queries = (normed @ self.layers[layer].query.T).view(len(normed), len(keys), -1)
        return torch.baddbmm(memory.bias, queries.transpose(0, 1), keys.transpose(1, 2))

    def _split_heads(self, states: torch.Tensor, layout: Layout) -> torch.Tensor:
        """`[token, head * d_kv]` -> `[query * head, longest, d_kv]`."""
        grid = layout.to_grid(states)
        split = grid.unflatten(-1, (self.architecture.heads, -1)).transpose(1, 2)
        return split.reshape(-1, *split.shape[2:])

    @cached_property
    def places(self) -> list[Place]:
        """All components, in the order of the run."""
        return [(layer, name) for layer in range(len(self.layers)) for name in COMPONENTS]

    def _start(self, patch: Collection[Place]) -> int:
        """Where a patch begins: the position of the first component it replaces."""
        positions = {place: number for number, place in enumerate(self.places)}
        heads = self.architecture.heads
        known = [
            place[:2] in positions
            and (len(place) == 2 or (place[1] != "mlp" and 0 <= place[2] < heads))
            for place in patch
        ]
        if not known or not all(known):
            raise ValueError(
                f"a patch must name components of layers 0 to {len(self.layers) - 1} or heads 0 to "
                f"{heads - 1} of their attentions, this one has {list(patch)}"
            )
        return min(positions[place[:2]] for place in patch)


class Outputs:
    """Looks up a place's output `[query, d_model]`; the heads of one component are kept."""

    def __init__(self, decoder: LeanDecoder, memory: Memory, trace: Trace) -> None:
        self._decoder, self._memory, self._trace = decoder, memory, trace
        self._heads: dict[Place, torch.Tensor] = {}

    def __call__(self, place: Place) -> torch.Tensor:
        if len(place) == 2:
            return self._trace.output(*place)
        if place[:2] not in self._heads:
            heads = self._decoder.head_outputs(self._memory, self._trace, *place[:2])
            self._heads = {place[:2]: heads}
        return self._heads[place[:2]][place[2]]


@dataclass(frozen=True)
class _Layer:
    """Weights of one decoder layer, matrices stored `[out, in]`, each that reads the normed stream
    multiplied by the norm weight."""

    self_attention: torch.Tensor
    own_value: torch.Tensor
    own_output: torch.Tensor
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    output: torch.Tensor
    mlp_in: torch.Tensor
    mlp_gate: torch.Tensor | None
    mlp_out: torch.Tensor


@torch.no_grad()
def _layer(weights: Weights, index: int) -> _Layer:
    prefix = f"decoder.block.{index}.layer"
    norms = [weights[f"{prefix}.{part}.layer_norm.weight"] for part in range(3)]
    own = {k: weights[f"{prefix}.0.SelfAttention.{k}.weight"] for k in "vo"}
    cross = {k: weights[f"{prefix}.1.EncDecAttention.{k}.weight"] for k in "qkvo"}
    dense = mlp_weights(weights, f"{prefix}.2")
    return _Layer(
        self_attention=own["o"] @ own["v"] * norms[0],
        own_value=own["v"] * norms[0],
        own_output=own["o"],
        query=cross["q"] * norms[1],
        key=cross["k"],
        value=cross["v"],
        output=cross["o"],
        mlp_in=dense["mlp_in"] * norms[2],
        mlp_gate=dense["mlp_gate"] * norms[2] if "mlp_gate" in dense else None,
        mlp_out=dense["mlp_out"],
    )


def _heads(patch: Patch, place: Place) -> dict[int, torch.Tensor]:
    """The heads of one component that a patch replaces."""
    return {key[2]: value for key, value in patch.items() if len(key) == 3 and key[:2] == place}
