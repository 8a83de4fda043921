"""How the logit difference of the one decoder step changes with what each reader reads."""

import torch

from genir.engine.decoder import LeanDecoder, Memory
from genir.engine.ranking import BLOCK_BYTES, Unembedding


def reader_gradients(
    decoder: LeanDecoder, memory: Memory, states: torch.Tensor, relevant: torch.Tensor
) -> torch.Tensor:
    """Gradient of the logit difference (best relevant document minus best other one) by what each
    component and, last, the unembedding reads, `[layer * 3 + 1, query, d_model]`.

    `states` `[layer * 3 + 1, query, d_model]` are the residual streams that they read, of an
    unmodified run or of a point of a path; `relevant` `[query, token]` is filled up with -1. What
    one reader reads counts by itself: through its own output and what comes of that, but not
    through other readers of the same source.
    """
    with torch.enable_grad():
        after = _at_the_end(decoder.unembedding, states[-1], relevant.to(states.device))
        found = [after]
        for place, state in reversed(list(zip(decoder.places, states[:-1], strict=True))):
            stream = state[None].detach().requires_grad_()
            output = torch.zeros_like(stream)
            decoder.add(*place, stream, memory, output, [{}])
            (through,) = torch.autograd.grad(output, stream, after[None])
            found.append(through[0])
            after = after + through[0]
    return torch.stack(found[::-1])


def _at_the_end(
    unembedding: Unembedding, last: torch.Tensor, relevant: torch.Tensor
) -> torch.Tensor:
    """Gradient by the last residual stream `[query, d_model]`; four copies of the logits of some
    queries at a time."""
    rows = max(1, BLOCK_BYTES // (16 * len(unembedding.docid_tokens)))
    found = []
    for state, tokens in zip(last.split(rows), relevant.split(rows), strict=True):
        read = state.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(unembedding.difference(read, tokens).sum(), read)
        found.append(gradient)
    return torch.cat(found)
