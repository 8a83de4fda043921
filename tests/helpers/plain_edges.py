"""Plain Hugging Face hooks that replace what single readers read of single sources."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import T5ForConditionalGeneration

from genir.base.names import COMPONENTS, EMBEDDING, UNEMBEDDING
from genir.engine.edges import Edges, Reader, Source


def _reader_module(model: T5ForConditionalGeneration, reader: Reader) -> torch.nn.Module:
    """The norm with which a reader begins."""
    if reader == UNEMBEDDING:
        return model.decoder.final_layer_norm
    layer, component = reader
    return model.decoder.block[layer].layer[COMPONENTS.index(component)].layer_norm


def _source_module(model: T5ForConditionalGeneration, source: Source) -> torch.nn.Module:
    """The sublayer that adds a source to the residual stream."""
    layer, component = source
    return model.decoder.block[layer].layer[COMPONENTS.index(component)]


@contextmanager
def plain_edges(model: T5ForConditionalGeneration, patch: Edges) -> Iterator[None]:
    """Hooks on norms that take a source's output of this very run out of what they norm."""
    outputs, handles, begun = {}, [], {}

    def noted_embedding(module, inputs, output):
        outputs[EMBEDDING] = output

    def before(source):
        return lambda module, inputs: begun.__setitem__(source, inputs[0])

    def after(source):
        def hook(module, inputs, output):
            outputs[source] = (output[0] if isinstance(output, tuple) else output) - begun[source]

        return hook

    def shifted(sources):
        def hook(module, inputs):
            states = inputs[0]
            for source, value in sources.items():
                states = states + value.expand(len(states), -1)[:, None] - outputs[source]
            return (states,)

        return hook

    used = {source for sources in patch.values() for source in sources} - {EMBEDDING}
    handles.append(model.decoder.embed_tokens.register_forward_hook(noted_embedding))
    for source in used:
        module = _source_module(model, source)
        handles.append(module.register_forward_pre_hook(before(source)))
        handles.append(module.register_forward_hook(after(source)))
    for reader, sources in patch.items():
        handles.append(_reader_module(model, reader).register_forward_pre_hook(shifted(sources)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
