"""Heads among the largest sources of active Stage III neurons (the study's shared heads)."""

from itertools import product

import pandas as pd
import torch

from genir.analyses.communication import neuron_contributions, queries_at_once
from genir.base.names import ATTENTIONS
from genir.engine.decoder import LeanDecoder, Memory, Trace
from genir.subjects.queries import per_query_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject, joined

LARGEST = 5


def top_heads(subject: Subject, stage_three: range) -> pd.DataFrame:
    """Heads that push late neurons. One row per query, layer, component and head: counts, whether
    any active neuron of the MLPs in `stage_three` has the head among its five largest sources, and
    neurons, how many have.

    Sources are the start token's embedding, every earlier head of self- and cross-attention, those
    of the same layer included, and every earlier MLP; the largest are those with the largest signed
    contribution (`genir.analyses.communication.neuron_contributions`).
    """
    decoder, queries, stage = subject.decoder, subject.queries, stage_three
    heads = decoder.architecture.heads
    width = len(ATTENTIONS) * heads + 1
    sources = stage.stop * width + 1

    def measured(block: Block) -> Tensors:
        terms = _terms(decoder, block.memory, block.trace, stage.stop)
        counts = (
            _neurons(decoder, block.trace, layer, terms, (layer + 1) * width) for layer in stage
        )
        return {"neurons": sum(counts)}

    blocks = subject.query_blocks(queries_at_once(subject, sources))
    found = joined(subject.measure("queries traced back to heads", measured, stage, blocks=blocks))
    of_heads = found["neurons"][:, 1:].reshape(len(queries), stage.stop, width)[:, :, :-1]
    names = pd.DataFrame(
        product(range(stage.stop), ATTENTIONS, range(heads)), columns=["layer", "component", "head"]
    )
    return per_query_table(queries, names, {"counts": of_heads > 0, "neurons": of_heads})


def _terms(decoder: LeanDecoder, memory: Memory, trace: Trace, layers: int) -> torch.Tensor:
    """The embedding, then the heads and the MLP of every layer `[source, query, d_model]`."""
    parts = [trace.states[:1]]
    for layer in range(layers):
        parts += [decoder.head_outputs(memory, trace, layer, name) for name in ATTENTIONS]
        parts.append(trace.output(layer, "mlp")[None])
    return torch.cat(parts)


def _neurons(
    decoder: LeanDecoder, trace: Trace, layer: int, terms: torch.Tensor, earlier: int
) -> torch.Tensor:
    """How many active neurons of a layer have each source among their largest, `[query, source]`;
    the first `earlier` of `terms` come before the layer's MLP."""
    signed = neuron_contributions(decoder, trace, layer, terms[:earlier])
    chosen = [of_query.topk(min(LARGEST, earlier), dim=0).indices.flatten() for of_query in signed]
    return torch.stack([some.bincount(minlength=len(terms)) for some in chosen])
