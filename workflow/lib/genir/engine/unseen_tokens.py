"""The decoder where the cross-attention of some layers does not see some tokens."""

from collections.abc import Sequence

import torch

from genir.base.names import COMPONENTS
from genir.engine.decoder import LeanDecoder, Memory, Trace


@torch.no_grad()
def without_tokens(
    decoder: LeanDecoder,
    memory: Memory,
    trace: Trace,
    rows: torch.Tensor,
    unseen: torch.Tensor,
    layers: Sequence[int],
) -> torch.Tensor:
    """The residual stream after the last layer, `[case, d_model]`: case i is query `rows[i]` of the
    memory, whose tokens `unseen[i]` `[case, token]` no head of the cross-attentions in `layers`
    attends to. Weights of the other tokens are those of a softmax without them.
    """
    heads, first = decoder.architecture.heads, min(layers)
    bias = _of_cases(memory.bias, rows, heads)
    lowest = torch.finfo(bias.dtype).min
    blind = bias.masked_fill(unseen.repeat_interleave(heads, 0)[:, None], lowest)
    stream = trace.before(first, COMPONENTS[0])[rows][None]
    for layer in range(first, len(decoder.layers)):
        kept = (_of_cases(part[layer], rows, heads) for part in (memory.keys, memory.values))
        keys, values = ({layer: part} for part in kept)
        own = Memory(keys, values, blind if layer in layers else bias)
        for component in COMPONENTS:
            stream = decoder.after(layer, component, stream, own)
    return stream[0]


def _of_cases(part: torch.Tensor, rows: torch.Tensor, heads: int) -> torch.Tensor:
    """`[query * head, ...]` -> `[case * head, ...]`"""
    return part.unflatten(0, (-1, heads))[rows].flatten(0, 1)
