"""How far two implementations are apart: numbers by their largest difference, ranks beyond what
rounding explains."""

from dataclasses import dataclass, field

import pandas as pd
import torch

from genir.verification.hugging_face import sorted_ranks

TOLERANCE = 1e-4
COLUMNS = "quantity reference largest_difference scale tolerance n".split()


@dataclass(frozen=True)
class Read:
    """What a reference's logits say of each query: vocabulary rank and docid rank of the relevant
    document, how many other tokens are as near to it as rounding (both `[query, 2]`), and the mean
    vocabulary rank of docid tokens and of all others `[query, 2]`."""

    ranks: torch.Tensor
    near: torch.Tensor
    mean_ranks: torch.Tensor


def read_logits(
    theirs: torch.Tensor, apart: torch.Tensor, relevant: torch.Tensor, docids: torch.Tensor
) -> Read:
    """From a reference's logits `[query, vocabulary]`; `apart` `[query]`, how far ours are from
    them, is rounding.

    `relevant` is `[query, token]`, filled up with -1; `docids` `[document]` are sorted.
    """
    eps = torch.finfo(theirs.dtype).eps
    rounding = 2 * apart[:, None]
    rounding += 4 * eps * theirs.abs().amax(1, keepdim=True)
    ranks = sorted_ranks(theirs)
    found = ranks.gather(1, relevant.clamp(min=0))
    best = found.masked_fill(relevant < 0, theirs.shape[1] + 1).min(1, keepdim=True)
    gold = theirs.gather(1, relevant.gather(1, best.indices))
    near = (theirs - gold).abs() <= rounding
    own = ranks[:, docids]
    other = torch.ones(theirs.shape[1], dtype=torch.bool).index_fill_(0, docids.cpu(), False)
    docid_rank = (own <= best.values).sum(1, keepdim=True)
    return Read(
        torch.cat([best.values, docid_rank], 1),
        torch.stack([near.sum(1) - 1, near[:, docids].sum(1) - 1], 1),
        torch.stack([some.double().mean(1) for some in (own, ranks[:, other])], 1),
    )


@dataclass
class Differences:
    """The largest difference of each quantity and the largest value of the reference; how many
    queries stand for those that not all do; how many ranks were compared, and how many are equal as
    they stand."""

    largest: dict[str, float] = field(default_factory=dict)
    scale: dict[str, float] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    fewer: dict[str, int] = field(default_factory=dict)
    ranks: int = 0
    equal_ranks: int = 0

    def add(self, quantity: str, ours: torch.Tensor, theirs: torch.Tensor) -> None:
        """Numbers of one shape. Raises ValueError if their shapes differ."""
        ours, theirs = ours.detach().cpu().double(), theirs.detach().cpu().double()
        if ours.shape != theirs.shape:
            raise ValueError(f"{quantity}: {tuple(ours.shape)} beside {tuple(theirs.shape)}")
        self._keep(quantity, (ours - theirs).abs(), theirs.abs())

    def add_ranks(self, quantity: str, ours: torch.Tensor, read: Read) -> None:
        """Ranks `[query, 2]`. Where tokens are as near to the relevant one as the logits of the two
        implementations are to each other, a rank may differ by as many."""
        theirs = read.ranks.cpu()
        difference = (ours - theirs).abs()
        self.ranks += difference.numel()
        self.equal_ranks += int((difference == 0).sum())
        self.exact.add(quantity)
        self._keep(quantity, (difference - read.near.cpu()).clamp(min=0), theirs)

    def add_tokens(self, quantity: str, ours: torch.Tensor, theirs: torch.Tensor) -> None:
        """Token ids of one query each; all are different if their numbers differ."""
        self.exact.add(quantity)
        if len(ours) != len(theirs):
            ours = torch.full_like(theirs, -1)
        self.add(quantity, ours, theirs)

    def table(self, reference: str, queries: int) -> pd.DataFrame:
        """A row per quantity; the tolerance is 0 for ranks and tokens, else 1e-4 of the scale."""
        rows = [
            (name, reference, largest, self.scale[name], self._tolerance(name), n)
            for name, largest in self.largest.items()
            for n in [self.fewer.get(name, queries)]
        ]
        return pd.DataFrame(rows, columns=COLUMNS)

    def _tolerance(self, quantity: str) -> float:
        return 0.0 if quantity in self.exact else TOLERANCE * self.scale[quantity]

    def _keep(self, quantity: str, difference: torch.Tensor, size: torch.Tensor) -> None:
        for kept, values in ((self.largest, difference), (self.scale, size)):
            before = torch.tensor(kept.get(quantity, 0.0), dtype=torch.double)
            kept[quantity] = float(torch.maximum(before, values.double().max()))


def beyond_tolerance(table: pd.DataFrame) -> pd.DataFrame:
    """The rows whose difference is above the tolerance, or is no number."""
    return table[~(table["largest_difference"] <= table["tolerance"])]
