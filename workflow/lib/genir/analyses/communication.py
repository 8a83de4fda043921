"""Which earlier outputs trigger MLP neurons and cross-attention heads (the study's Fig. 5)."""

from collections.abc import Iterator

import pandas as pd
import torch

from genir.base.names import COMPONENTS, EMBEDDING, Component
from genir.engine.decoder import LeanDecoder, Memory, Trace
from genir.subjects.queries import per_query_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject, joined

TARGETS: tuple[Component, ...] = ("cross_attention", "mlp")
NO_LAYER = -1


def communication(subject: Subject) -> pd.DataFrame:
    """Who pushes whom. One row per query, target, target_layer and source, with source_layer (-1
    for the embedding) and share: the part of what pushes the target upwards that comes from the
    source.

    Targets are the MLP and the cross-attention of every layer; sources the start token's embedding
    and every earlier component, those of the same layer included. The share of a source is
    max(t, 0) over its sum over all sources, for the signed contribution t to each active neuron
    (`neuron_contributions`) or to each head (`head_contributions`), then the mean over neurons or
    heads. Neurons and heads that nothing pushes upwards are left out; where none is left, share is
    NaN.
    """
    decoder = subject.decoder
    targets = [(target, layer) for layer in range(len(decoder.layers)) for target in TARGETS]
    names = pd.DataFrame(
        [(*target, *source) for target in targets for source in sources_of(*target)],
        columns="target target_layer source source_layer".split(),
    )

    def measured(block: Block) -> Tensors:
        memory, trace, terms = block.memory, block.trace, block.trace.terms
        parts = [_shares(decoder, memory, trace, terms, *target) for target in targets]
        return {"share": torch.cat(parts, dim=1)}

    size = queries_at_once(subject, len(COMPONENTS) * len(decoder.layers) + 1)
    blocks = subject.query_blocks(size)
    shares = joined(subject.measure("queries traced back", measured, blocks=blocks))
    return per_query_table(subject.queries, names, shares)


def sources_of(target: Component, layer: int) -> list[tuple[str, int]]:
    """Source and source_layer of everything that ran before a target, in the order of the run."""
    earlier = [(name, above) for above in range(layer) for name in COMPONENTS]
    same = [(name, layer) for name in COMPONENTS[: COMPONENTS.index(target)]]
    return [(EMBEDDING, NO_LAYER), *earlier, *same]


def queries_at_once(subject: Subject, sources: int) -> int:
    """How many queries to hold with `sources` rows each."""
    blocks = subject.blocks(sources)
    return max(1, blocks.queries * blocks.patches // sources)


def neuron_contributions(
    decoder: LeanDecoder, trace: Trace, layer: int, terms: torch.Tensor
) -> Iterator[torch.Tensor]:
    """Signed contributions `[source, neuron]` of `terms` `[source, query, d_model]` to the active
    neurons of a layer's MLP, one query after the other.

    t = W_in[i] . (g * c) / rms(r), with the norm weight g and the residual stream r that the MLP
    reads; over the terms of r they sum to the neuron's pre-activation. Active is a neuron whose
    pre-activation is positive; in a gated MLP the one that goes through the activation function
    (wi_0).
    """
    stream, weights = trace.before(layer, "mlp"), decoder.layers[layer].mlp_in
    scale = decoder.scale(stream)
    active = (stream * scale) @ weights.T > 0
    for query, neurons in enumerate(active):
        yield (terms[:, query] * scale[query]) @ weights[neurons].T


def head_contributions(
    decoder: LeanDecoder, memory: Memory, trace: Trace, layer: int, terms: torch.Tensor
) -> torch.Tensor:
    """Signed contributions `[query, source, head]` of `terms` `[source, query, d_model]` to the
    attention score of every cross-attention head of a layer at the position it attends to most.

    t = (W_Q (g * c) / rms(r))_h . k; over the terms of r they sum to the score before the softmax.
    """
    stream = trace.before(layer, "cross_attention")
    keys = decoder.attended_keys(memory, trace, layer)
    by_head = decoder.layers[layer].query.unflatten(0, keys.shape[1:])
    directions = torch.einsum("qhk,hkd->qhd", keys, by_head) * decoder.scale(stream)[:, None]
    return torch.einsum("sqd,qhd->qsh", terms, directions)


def mean_shares(signed: torch.Tensor) -> torch.Tensor:
    """Shares `[source]`, mean over units, of signed contributions `[source, unit]`."""
    positive = signed.clamp(min=0)
    total = positive.sum(0)
    pushed = total > 0
    return (positive[:, pushed] / total[pushed]).mean(1)


def _shares(
    decoder: LeanDecoder,
    memory: Memory,
    trace: Trace,
    terms: torch.Tensor,
    target: Component,
    layer: int,
) -> torch.Tensor:
    """Shares `[query, source]` for one target; `terms` are those of the whole run."""
    terms = terms[: len(sources_of(target, layer))]
    if target == "mlp":
        signed = neuron_contributions(decoder, trace, layer, terms)
    else:
        signed = head_contributions(decoder, memory, trace, layer, terms)
    return torch.stack([mean_shares(of_query) for of_query in signed])
