"""The rank of the relevant document among all tokens and among docid tokens."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

BLOCK_BYTES = 64 * 2**20
NO_TOKEN = -1


@dataclass(frozen=True)
class Ranks:
    """Ranks of the relevant document, 1 = best, and the token it belongs to; one per row."""

    vocabulary: torch.Tensor
    docid: torch.Tensor
    token: torch.Tensor


class Unembedding:
    """Final decoder norm and output projection, from residual stream to logits.

    `head` is `[vocabulary, d_model]`, `norm` the norm weight `[d_model]`. Tied T5 scales the normed
    state by d_model^-0.5 before projecting.
    """

    def __init__(
        self,
        head: torch.Tensor,
        norm: torch.Tensor,
        epsilon: float,
        scale: float,
        docid_tokens: torch.Tensor,
    ) -> None:
        self.head, self.norm, self.epsilon, self.scale = head, norm, epsilon, scale
        self.docid_tokens = docid_tokens.sort().values
        self.is_docid = torch.zeros(len(head), dtype=torch.bool)
        self.is_docid[docid_tokens] = True

    def logits(self, residual: torch.Tensor) -> torch.Tensor:
        """Logits `[..., vocabulary]` of the residual stream `[..., d_model]`."""
        return (rms_norm(residual, self.norm, self.epsilon) * self.scale) @ self.head.T

    def blocks(self, residual: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
        """Logits of `residual` `[row, d_model]`, a block of rows at a time, 64 MiB each."""
        rows = max(1, BLOCK_BYTES // (self.head.shape[0] * 4))
        for start in range(0, len(residual), rows):
            block = slice(start, start + rows)
            yield block, self.logits(residual[block])

    def ranks(self, residual: torch.Tensor, relevant: torch.Tensor) -> Ranks:
        """Ranks of the best relevant token; `relevant` is `[row, token]`, filled up with -1.

        Rank = 1 + tokens with a higher logit + tokens with an equal logit and a lower id.
        """
        parts = [
            self._block_ranks(logits, relevant[block]) for block, logits in self.blocks(residual)
        ]
        return Ranks(*(torch.cat(columns) for columns in zip(*parts, strict=True)))

    def _block_ranks(
        self, logits: torch.Tensor, relevant: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        gold, token = best_relevant(logits, relevant)
        ahead = logits > gold[:, None]
        equal = logits == gold[:, None]
        for row in torch.nonzero(count_true(equal) > 1).flatten().tolist():
            ahead[row, : int(token[row])] |= equal[row, : int(token[row])]
        return 1 + count_true(ahead), 1 + count_true(ahead[:, self.docid_tokens]), token


def count_true(mask: torch.Tensor) -> torch.Tensor:
    """True values per row; numpy counts bytes many times faster than torch sums booleans."""
    if mask.is_cuda:
        return mask.sum(1)
    return torch.from_numpy(np.count_nonzero(mask.numpy(), axis=1))


def best_relevant(
    logits: torch.Tensor, relevant: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logit and id of the highest-ranked relevant token of each row; ties go to the lower id."""
    values = logits.gather(1, relevant.clamp(min=0))
    values = values.masked_fill(relevant == NO_TOKEN, -torch.inf)
    gold = values.max(1).values
    tied = torch.where(values == gold[:, None], relevant, torch.iinfo(torch.int64).max)
    return gold, tied.min(1).values


def rms_norm(residual: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    """T5's layer norm: weight * residual / root mean square, no mean subtracted."""
    return weight * (residual * torch.rsqrt(residual.pow(2).mean(-1, keepdim=True) + epsilon))
