"""Signed contributions of single outputs from a Hugging Face model, by hooks and slow loops."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from plain_t5 import component_module
from transformers import T5ForConditionalGeneration

from genir.base.names import COMPONENTS


@dataclass
class Recorded:
    """One query's decoder step: component outputs, what enters the norms and attention outputs,
    pre-activations, cross-attention queries and keys, by (layer, component)."""

    outputs: dict = field(default_factory=dict)
    streams: dict = field(default_factory=dict)
    mixed: dict = field(default_factory=dict)
    preactivations: dict = field(default_factory=dict)
    queries: dict = field(default_factory=dict)
    keys: dict = field(default_factory=dict)
    attention: dict = field(default_factory=dict)


@torch.no_grad()
def recorded(model: T5ForConditionalGeneration, tokens: np.ndarray) -> Recorded:
    """A pass over one query without padding."""
    model.set_attn_implementation("eager")
    record, start = Recorded(), torch.tensor([[model.config.decoder_start_token_id]])
    with _hooks(model, record):
        output = model(
            input_ids=torch.tensor(tokens)[None],
            decoder_input_ids=start,
            use_cache=False,
            output_attentions=True,
        )
    for layer, weights in enumerate(output.cross_attentions):
        record.attention[layer] = weights[0, :, 0]
    record.outputs["embedding"] = model.shared.weight.detach()[start[0, 0]]
    return record


@contextmanager
def _hooks(model: T5ForConditionalGeneration, record: Recorded) -> Iterator[None]:
    handles = []

    def keep(module, store, key, of_input=False):
        def hook(module, inputs, output):
            value = inputs[0] if of_input else output
            value = value[0] if isinstance(value, tuple) else value
            store[key] = value[0] if store is record.keys else value[0, 0]

        handles.append(module.register_forward_hook(hook))

    for layer, block in enumerate(model.decoder.block):
        for index, component in enumerate(COMPONENTS):
            place, part = (layer, component), component_module(model, layer, component)
            keep(part, record.outputs, place)
            keep(block.layer[index].layer_norm, record.streams, place, of_input=True)
            if component == "mlp":
                first = part.wi_0 if hasattr(part, "wi_0") else part.wi
                keep(first, record.preactivations, layer)
            else:
                keep(part.o, record.mixed, place, of_input=True)
        keep(block.layer[1].EncDecAttention.q, record.queries, layer)
        keep(block.layer[1].EncDecAttention.k, record.keys, layer)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def earlier(layer: int, component: str) -> list:
    """Names of all outputs that are in the stream a component reads."""
    order = [(number, name) for number in range(layer + 1) for name in COMPONENTS]
    return ["embedding", *order[: order.index((layer, component))]]


def neuron_weights(model: T5ForConditionalGeneration, layer: int) -> torch.Tensor:
    weights = model.state_dict()
    prefix = f"decoder.block.{layer}.layer.2.DenseReluDense"
    name = "wi_0" if f"{prefix}.wi_0.weight" in weights else "wi"
    return weights[f"{prefix}.{name}.weight"]


def through_norm(
    model: T5ForConditionalGeneration, record: Recorded, layer: int, component: str, output
) -> torch.Tensor:
    """An output as the norm before a component passes it on: g * c / rms(r)."""
    index, stream = COMPONENTS.index(component), record.streams[layer, component]
    weight = model.state_dict()[f"decoder.block.{layer}.layer.{index}.layer_norm.weight"]
    return weight * output / torch.sqrt((stream**2).mean() + model.config.layer_norm_epsilon)


def head_split(model: T5ForConditionalGeneration, record: Recorded, place) -> list[torch.Tensor]:
    """What each head of an attention adds to the residual stream."""
    width, joined = model.config.d_kv, record.mixed[place]
    output = component_module(model, *place).o.weight
    parts = [slice(head * width, (head + 1) * width) for head in range(model.config.num_heads)]
    return [output[:, part].detach() @ joined[part] for part in parts]


def plain_shares(
    model: T5ForConditionalGeneration, record: Recorded, target: str, layer: int
) -> dict:
    """Mean share of every source over the active neurons or the heads of one target."""
    signed = {
        source: _signed(model, record, target, layer, record.outputs[source])
        for source in earlier(layer, target)
    }
    units = range(len(signed["embedding"]))
    if target == "mlp":
        units = [unit for unit in units if record.preactivations[layer][unit] > 0]
    shares = {source: [] for source in signed}
    for unit in units:
        total = sum(max(float(values[unit]), 0.0) for values in signed.values())
        for source, values in signed.items():
            if total > 0:
                shares[source].append(max(float(values[unit]), 0.0) / total)
    return {source: np.mean(values) if values else np.nan for source, values in shares.items()}


def _signed(model, record: Recorded, target: str, layer: int, output: torch.Tensor) -> torch.Tensor:
    normed = through_norm(model, record, layer, target, output)
    if target == "mlp":
        return neuron_weights(model, layer) @ normed
    return head_scores(model, record, layer, normed)


def head_scores(
    model: T5ForConditionalGeneration, record: Recorded, layer: int, normed: torch.Tensor
) -> torch.Tensor:
    """(W_Q x)_h . k at the position each head attends to most."""
    name = f"decoder.block.{layer}.layer.1.EncDecAttention.q.weight"
    query, width = model.state_dict()[name] @ normed, model.config.d_kv
    scores = []
    for head in range(model.config.num_heads):
        part = slice(head * width, (head + 1) * width)
        place = int(record.attention[layer][head].argmax())
        scores.append(query[part] @ record.keys[layer][place, part])
    return torch.stack(scores)
