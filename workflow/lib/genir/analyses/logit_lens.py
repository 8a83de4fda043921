"""The logit lens: intermediate states read as if they were the last."""

import numpy as np
import torch

from genir.engine.decoder import Trace
from genir.engine.ranking import Unembedding

SOURCES = ("residual", "cross_attention", "mlp")
TOKENS = 2**32


def lens_state(trace: Trace, layer: int, source: str) -> torch.Tensor:
    """What one of SOURCES is after a layer, `[query, d_model]`."""
    return trace.residual[layer + 1] if source == "residual" else trace.output(layer, source)


def mean_token_ranks(
    unembedding: Unembedding, state: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean vocabulary rank of the docid tokens and of all other tokens, per row of `state`."""
    size, documents = len(unembedding.is_docid), len(unembedding.docid_tokens)
    sums_of = _sums_on_cpu if state.device.type == "cpu" else sums_on_device
    sums = [sums_of(logits, unembedding) for _, logits in unembedding.blocks(state)]
    docid = torch.cat(sums).double()
    return docid / documents, (size * (size + 1) / 2 - docid) / (size - documents)


def sums_on_device(logits: torch.Tensor, unembedding: Unembedding) -> torch.Tensor:
    """Sum of the ranks of the docid tokens `[row]` by sorting `logits` `[row, token]` whole, which
    an accelerator is fast at."""
    order = logits.sort(dim=1, descending=True, stable=True).indices
    places = torch.arange(1, logits.shape[1] + 1, device=logits.device)
    return places.where(unembedding.is_docid[order], 0).sum(1).cpu()


def _sums_on_cpu(logits: torch.Tensor, unembedding: Unembedding) -> torch.Tensor:
    docids = unembedding.docid_tokens.numpy()
    others = np.flatnonzero(~unembedding.is_docid.numpy())
    return torch.tensor([_docid_rank_sum(row, docids, others) for row in logits.numpy()])


def _docid_rank_sum(logits: np.ndarray, docids: np.ndarray, others: np.ndarray) -> int:
    """Sum of the ranks of the docid tokens among all tokens.

    Among themselves docid tokens have ranks 1 to D; each is pushed down by every other token ahead
    of it, and such pairs are counted by sorting both sides and looking the smaller one up in the
    larger. Only where a docid token ties with another token do ids decide.
    """
    own, rest = logits[docids], logits[others]
    few, many = np.sort(own), np.sort(rest)
    if len(own) > len(rest):
        few, many = many, few
    left, right = (np.searchsorted(many, few, side=side) for side in ("left", "right"))
    pairs = int(left.sum()) if len(own) > len(rest) else len(many) * len(few) - int(right.sum())
    tied = np.unique(few[left != right])
    if len(tied):
        pairs += _lower_ids(_keys(rest, others, tied), _keys(own, docids, tied))
    return pairs + len(own) * (len(own) + 1) // 2


def _keys(logits: np.ndarray, tokens: np.ndarray, tied: np.ndarray) -> np.ndarray:
    """Sorted (value, token) of the logits among the sorted values `tied`, as one number each."""
    places = np.searchsorted(tied, logits).clip(max=len(tied) - 1)
    hit = tied[places] == logits
    return np.sort(places[hit] * TOKENS + tokens[hit])


def _lower_ids(others: np.ndarray, docids: np.ndarray) -> int:
    """Pairs of an equal value in which the other token has the lower id."""
    begins = np.searchsorted(others, docids // TOKENS * TOKENS)
    return int((np.searchsorted(others, docids) - begins).sum())
