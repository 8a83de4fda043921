"""A T5 of which only some components of the decoder are left, for a single step.

A component that is gone adds one vector to the residual stream of every query, so all that lie
between two that stay are one vector. Nothing depends on the query before the first
cross-attention that stays, so up to there the residual stream itself is a vector, whatever stays.

As in `one_step.py` the self-attention is the matrix W_O W_V, and no keys and values are made:
q . (W_K h) = (W_K^T q) . h and sum_t a_t W_V h_t = W_V sum_t a_t h_t.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from genir.base.names import COMPONENTS, Component
from genir.engine.decoder import Trace
from genir.engine.encoder import Layout, mask_bias, mlp_weights
from genir.engine.ranking import Unembedding
from genir.engine.t5 import ACTIVATIONS, T5, Architecture, Weights, rms_norm

VECTORS = "circuit.vectors"
"""Name of the tensor `[computed component + 1, d_model]`: the residual stream before the first one
and what is added after each."""

ComponentPlace = tuple[int, Component]

_PARTS = {
    "self_attention": ("0.layer_norm", "0.SelfAttention.v", "0.SelfAttention.o"),
    "cross_attention": ("1.layer_norm", *(f"1.EncDecAttention.{one}" for one in "qkvo")),
    "mlp": ("2.layer_norm", *(f"2.DenseReluDense.{one}" for one in ("wi", "wi_0", "wi_1", "wo"))),
}
"""What one step reads of a component; `wi` is of a plain MLP, `wi_0` and `wi_1` of a gated one."""


@dataclass(frozen=True)
class Circuit(T5):
    """Weights of a T5 without what is cut, and the `places` that are computed, in their order."""

    places: tuple[ComponentPlace, ...]

    @property
    def vectors(self) -> torch.Tensor:
        """`[place + 1, d_model]`, as VECTORS says."""
        return self.weights[VECTORS]


@dataclass(frozen=True)
class Read:
    """What the decoder reads of the queries: encoder states `[query, token, d_model]` and the
    padding as a score bias `[query, 1, token]`."""

    hidden: torch.Tensor
    bias: torch.Tensor


Step = Callable[[torch.Tensor, Read | None], torch.Tensor]
"""Adds a component's output to the residual stream `[query, d_model]` in place."""


def all_places(layers: int) -> list[ComponentPlace]:
    """All components of a decoder, in the order of the run."""
    return [(layer, component) for layer in range(layers) for component in COMPONENTS]


@torch.no_grad()
def folded(
    model: T5, cut: Mapping[ComponentPlace, torch.Tensor]
) -> tuple[tuple[ComponentPlace, ...], torch.Tensor]:
    """The places that must be computed for each query where `cut` gives what the others add to the
    residual stream, `[d_model]` each, and the vectors around them, as VECTORS says."""
    computed: list[ComponentPlace] = []
    vectors = [model.embedding[model.architecture.start_token].detach().clone()]
    for place in all_places(model.architecture.decoder_layers):
        if place in cut:
            vectors[-1] += cut[place]
        elif not computed and place[1] != "cross_attention":
            step_of(model, place)(vectors[-1][None], None)
        else:
            computed.append(place)
            vectors.append(torch.zeros_like(vectors[0]))
    return tuple(computed), torch.stack(vectors)


def circuit_of(model: T5, cut: Mapping[ComponentPlace, torch.Tensor]) -> Circuit:
    """A T5 with some components replaced by vectors, sharing the weights that are left."""
    places, vectors = folded(model, cut)
    kept = {name: model.weights[name] for name in kept_tensors(model.weights, places)}
    return Circuit(model.architecture, kept | {VECTORS: vectors}, places)


def kept_tensors(names: Iterable[str], places: Sequence[ComponentPlace]) -> list[str]:
    """Those of a T5's tensors that a circuit has which computes these places: of the decoder
    only what they and the final norm read."""
    read = {f"decoder.block.{i}.layer.{part}.weight" for i, c in places for part in _PARTS[c]}
    read.add("decoder.final_layer_norm.weight")
    return [name for name in names if not name.startswith("decoder.") or name in read]


class CircuitDecoder:
    """The decoder of a circuit. `docid_tokens` and `precision` are as in `LeanDecoder`."""

    def __init__(
        self,
        circuit: Circuit,
        docid_tokens: torch.Tensor,
        precision: torch.dtype = torch.float32,
    ) -> None:
        self.start = circuit.vectors[0]
        self.steps = [
            (step_of(circuit, place), vector if vector.any() else None)
            for place, vector in zip(circuit.places, circuit.vectors[1:], strict=True)
        ]
        self._circuit, self._docid_tokens, self._precision = circuit, docid_tokens, precision

    @cached_property
    def unembedding(self) -> Unembedding:
        """As in `LeanDecoder`."""
        circuit = self._circuit
        return Unembedding(
            circuit.head.detach(),
            circuit.weights["decoder.final_layer_norm.weight"].detach(),
            circuit.architecture.epsilon,
            circuit.architecture.scale,
            self._docid_tokens,
            self._precision,
        )

    @torch.no_grad()
    def memory(self, hidden: torch.Tensor, layout: Layout) -> Read:
        """Packed encoder output `[token, d_model]` as it is read."""
        return Read(layout.to_grid(hidden), mask_bias(layout.mask, hidden.dtype)[:, None])

    @torch.no_grad()
    def residual(self, read: Read) -> torch.Tensor:
        """The residual stream after the last layer, `[query, d_model]`."""
        stream = self.start.repeat(len(read.hidden), 1)
        for step, vector in self.steps:
            step(stream, read)
            if vector is not None:
                stream += vector
        return stream

    def trace(self, read: Read) -> Trace:
        """The same as a run of which only the last state is kept."""
        return Trace(self.residual(read)[None], {})


def step_of(model: T5, place: ComponentPlace) -> Step:
    """What a component adds. Matrices are the model's own, not copied, but for W_O W_V."""
    layer, component = place
    prefix = f"decoder.block.{layer}.layer"
    norm = model.weights[f"{prefix}.{COMPONENTS.index(component)}.layer_norm.weight"]
    of_normed = _OUTPUTS[component](model.weights, prefix, model.architecture)
    epsilon = model.architecture.epsilon
    return lambda stream, read: stream.addmm_(*of_normed(rms_norm(stream, norm, epsilon), read))


_Product = tuple[torch.Tensor, torch.Tensor]
"""Whose matrix product is a component's output."""


def _own(weights: Weights, prefix: str, _: Architecture) -> Callable[..., _Product]:
    value, output = (weights[f"{prefix}.0.SelfAttention.{one}.weight"] for one in "vo")
    matrix = output @ value
    return lambda normed, _: (normed, matrix.T)


def _cross(weights: Weights, prefix: str, a: Architecture) -> Callable[..., _Product]:
    query, key, value, output = (
        weights[f"{prefix}.1.EncDecAttention.{one}.weight"] for one in "qkvo"
    )
    keys, values = (part.unflatten(0, (a.heads, -1)) for part in (key, value))

    def product(normed: torch.Tensor, read: Read) -> _Product:
        queries = (normed @ query.T).unflatten(1, (a.heads, -1))
        asked = torch.bmm(queries.transpose(0, 1), keys).transpose(0, 1)
        scores = torch.baddbmm(read.bias, asked, read.hidden.transpose(1, 2))
        mixed = torch.bmm(scores.softmax(-1), read.hidden).transpose(0, 1)
        joined = torch.bmm(mixed, values.transpose(1, 2)).transpose(0, 1).flatten(1)
        return joined, output.T

    return product


def _dense(weights: Weights, prefix: str, a: Architecture) -> Callable[..., _Product]:
    dense, activation = mlp_weights(weights, f"{prefix}.2"), ACTIVATIONS[a.activation]

    def product(normed: torch.Tensor, _: Read | None) -> _Product:
        neurons = activation(normed @ dense["mlp_in"].T)
        if a.gated:
            neurons.mul_(normed @ dense["mlp_gate"].T)
        return neurons, dense["mlp_out"].T

    return product


_OUTPUTS = {"self_attention": _own, "cross_attention": _cross, "mlp": _dense}
