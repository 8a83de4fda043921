"""The rank of the relevant document among all tokens and among docid tokens.

Logits are computed a block at a time and only counted. Whether a token is ahead of the relevant one
is read off a fast product (float32, or bfloat16 where the processor gains by it); tokens closer to
the relevant one than that product's error are compared again: after bfloat16 on a CPU these alone
in float32, and what is closer than the error of that in float64. So ranks depend neither on the
precision of the product nor on the size of its blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from genir.base.errors import AnalysisError
from genir.engine.counters import CpuCounter, DeviceCounter, Recheck, at_least
from genir.engine.t5 import rms_norm

NO_TOKEN = -1
SLICE_TOKENS = 2048
SLICE_ROWS = 1024
BLOCK_BYTES = 128 * 2**20


@dataclass(frozen=True)
class Ranks:
    """Ranks of the relevant document, 1 = best; one per row."""

    vocabulary: torch.Tensor
    docid: torch.Tensor


@dataclass(frozen=True)
class RanksAndLogits(Ranks):
    """With them, in float64, the logit of the best relevant document and that of the best other
    one, which is NaN where there is none."""

    relevant_logit: torch.Tensor
    other_logit: torch.Tensor


@dataclass(frozen=True)
class Gold:
    """The best relevant token of every row and its logit in float64."""

    logit: torch.Tensor
    token: torch.Tensor


class Unembedding:
    """Final decoder norm and output projection, from residual stream to logits.

    `head` is `[vocabulary, d_model]`, `norm` the norm weight `[d_model]`. Tied T5 scales the normed
    state by d_model^-0.5 before projecting. `precision` is that of the products behind ranks.
    """

    def __init__(
        self,
        head: torch.Tensor,
        norm: torch.Tensor,
        epsilon: float,
        scale: float,
        docid_tokens: torch.Tensor,
        precision: torch.dtype = torch.float32,
    ) -> None:
        self.head, self.norm, self.epsilon, self.scale = head, norm, epsilon, scale
        self.docid_tokens = docid_tokens.sort().values.to(head.device)
        self.is_docid = torch.zeros(len(head), dtype=torch.bool, device=head.device)
        self.is_docid[self.docid_tokens] = True
        self._docids = _Rows(head, self.docid_tokens, precision)
        self._others = _Rows(head, torch.nonzero(~self.is_docid).flatten(), precision)
        self._peak = torch.maximum(self._docids.peak, self._others.peak)

    def state(self, residual: torch.Tensor) -> torch.Tensor:
        """What the head is multiplied with, `[..., d_model]`.

        Raises AnalysisError where no logit could be compared: that of NaN with anything is false,
        which would count as the best rank.
        """
        state = rms_norm(residual, self.norm, self.epsilon) * self.scale
        # No logit is larger than the squares of what it is the sum of.
        if not torch.isfinite((state * self._peak).square().sum()):
            rows = (state * self._peak).square().flatten(0, -2).sum(-1)
            raise AnalysisError(
                f"the logits of {int((~rows.isfinite()).sum())} of {len(rows)} states are no "
                "numbers, infinite or too large for float32, so no rank can be told; take an "
                "earlier checkpoint of the model, or train it with a smaller learning_rate"
            )
        return state

    def logits(self, residual: torch.Tensor) -> torch.Tensor:
        """Logits `[..., vocabulary]` of the residual stream `[..., d_model]`."""
        return self.state(residual) @ self.head.T

    def blocks(self, residual: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
        """Logits of `residual` `[row, d_model]`, a block of rows at a time, 128 MiB each."""
        rows = max(1, BLOCK_BYTES // (len(self.head) * 4))
        for start in range(0, len(residual), rows):
            block = slice(start, start + rows)
            yield block, self.logits(residual[block])

    @torch.no_grad()
    def ranks(self, residual: torch.Tensor, relevant: torch.Tensor) -> Ranks:
        """Ranks of the best relevant token of the residual stream `[row, d_model]`; `relevant` is
        `[row, token]`, filled up with -1.

        Rank = 1 + tokens with a higher logit + tokens with an equal logit and a lower id.
        """
        state = self.state(residual)
        gold = best_relevant(state, self.head, relevant.to(state.device))
        docids = self._docids.ahead(state, self.head, gold)
        return Ranks(1 + docids + self._others.ahead(state, self.head, gold), 1 + docids)

    @torch.no_grad()
    def ranks_and_logits(self, residual: torch.Tensor, relevant: torch.Tensor) -> RanksAndLogits:
        """What `ranks` gives, the logit of that token and the highest one of the docid tokens that
        are not relevant."""
        state = self.state(residual)
        gold, docids, other = self._among_docids(state, relevant.to(state.device))
        vocabulary = docids + self._others.ahead(state, self.head, gold)
        return RanksAndLogits(vocabulary, docids, gold.logit, other)

    @torch.no_grad()
    def among_docids(
        self, residual: torch.Tensor, relevant: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Docid rank, and the two logits of `ranks_and_logits` as a difference, relevant minus
        other, both `[row]`; without a look at all other tokens."""
        state = self.state(residual)
        gold, docids, other = self._among_docids(state, relevant.to(state.device))
        return docids, gold.logit - other

    def difference(self, residual: torch.Tensor, relevant: torch.Tensor) -> torch.Tensor:
        """The difference of `among_docids` in float32, for gradients by `residual`
        `[row, d_model]`; NaN where there is no other document."""
        logits = self.state(residual) @ self._docids.rows.float().T
        own = (relevant[:, :, None] == self.docid_tokens).any(1)
        best = logits.masked_fill(~own, -torch.inf).amax(1)
        other = logits.masked_fill(own, -torch.inf).amax(1)
        return best - other.masked_fill(other == -torch.inf, torch.nan)

    def _among_docids(
        self, state: torch.Tensor, relevant: torch.Tensor
    ) -> tuple[Gold, torch.Tensor, torch.Tensor]:
        """The best relevant token, its docid rank and the highest logit of other documents."""
        gold = best_relevant(state, self.head, relevant)
        others = _BestOther(self._docids, state, self.head, relevant)
        docids = 1 + self._docids.ahead(state, self.head, gold, others)
        return gold, docids, others.logit

    @torch.no_grad()
    def best_logit(self, residual: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Highest logit `[row]`, in float64, of the `tokens` `[row, token]`, filled up with -1, of
        each row of the residual stream `[row, d_model]`."""
        return best_relevant(self.state(residual), self.head, tokens.to(residual.device)).logit

    @torch.no_grad()
    def top(self, residual: torch.Tensor, depth: int) -> torch.Tensor:
        """The `depth` best docid tokens `[row, depth]` of each row, in the order of `ranks`."""
        rows = max(1, BLOCK_BYTES // (len(self.docid_tokens) * 4))
        return torch.cat([self._top(block, depth) for block in self.state(residual).split(rows)])

    def _top(self, state: torch.Tensor, depth: int) -> torch.Tensor:
        """Some more candidates than `depth` by the fast product, put in order by the exact one."""
        fast = state @ self._docids.rows.float().T
        taken = min(depth + 16, fast.shape[1])
        found = fast.topk(taken, dim=1)
        spread, largest = self._docids.spread(state), found.values.abs().amax(1)
        error = 2 * self._docids.tolerance(spread, largest)
        left_out_may_belong = found.values[:, -1] >= found.values[:, depth - 1] - error
        if taken < fast.shape[1] and left_out_may_belong.any():
            columns = torch.arange(fast.shape[1], device=fast.device).expand(len(fast), -1)
        else:
            columns = found.indices.sort(dim=1).values
        tokens = self.docid_tokens[columns]
        rows = torch.arange(len(state), device=state.device).repeat_interleave(columns.shape[1])
        exact = exact_logits(state, self.head, rows, tokens.flatten()).view_as(tokens)
        return tokens.gather(1, (-exact).argsort(dim=1, stable=True)[:, :depth])


class _Rows:
    """Some rows of the head, counted together."""

    def __init__(self, head: torch.Tensor, tokens: torch.Tensor, precision: torch.dtype) -> None:
        self.tokens = tokens
        first, last = (int(tokens[0]), int(tokens[-1])) if len(tokens) else (0, -1)
        self._first = first if last - first + 1 == len(tokens) else None
        self.rows = self._exact(head, 0, len(tokens)).to(precision)
        largest = torch.maximum(self.rows.amax(0), -self.rows.amin(0)) if len(tokens) else None
        self.peak = head.new_zeros(1) if largest is None else largest.float()
        parts = self.rows.split(SLICE_TOKENS) if len(tokens) else ()
        self._longest = max(map(_longest, parts), default=0.0)

    def _exact(self, head: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        """Rows from `start` on as the head has them."""
        if self._first is None:
            return head[self.tokens[start:stop]]
        return head[self._first + start : self._first + min(stop, len(self.tokens))]

    def spread(self, state: torch.Tensor) -> torch.Tensor:
        """At least norm(state * row) of all rows, per row of `state`: what the largest entries of
        any row give, or by Cauchy and Schwarz the product of both vectors' 4-norms."""
        return torch.minimum((state * self.peak).norm(dim=-1), _length(state) * self._longest)

    def tolerance(
        self, spread: torch.Tensor, logit: torch.Tensor, precision: torch.dtype | None = None
    ) -> torch.Tensor:
        """How far a logit about as large as `logit`, of a product in `precision` (that of the rows
        if not given), may be from the exact one, for states of this `spread`.

        Rounding errors are as good as independent. For rounded inputs their sum has a standard
        deviation of about eps / 4 * norm(state * row). For the additions in float32 it is about
        eps / 5 * sqrt(d_model) * norm(state * row) where the terms have both signs, and where they
        have one, as those of a document that is far ahead, eps / 6 * sqrt(d_model) times the logit:
        errors are relative to the sum so far. The bound is five to eight times these.
        """
        precision, size = precision or self.rows.dtype, logit.abs()
        additions = torch.finfo(torch.float32).eps * self.rows.shape[1] ** 0.5
        if precision == torch.float32:
            return (spread + size) * additions
        eps = torch.finfo(precision).eps
        return spread * (2 * eps) + size * (additions + eps)

    def ahead(
        self,
        state: torch.Tensor,
        head: torch.Tensor,
        gold: Gold,
        others: "_BestOther | None" = None,
    ) -> torch.Tensor:
        """How many of these tokens are ahead of the relevant one, per row of `state`; `others`, if
        given, sees all logits on the way."""
        logit = gold.logit.float()
        spread = self.spread(state)
        error = self.tolerance(spread, logit)
        high, low = (logit + error)[:, None], (logit - error)[:, None]
        fast = state.to(self.rows.dtype)
        on_cpu = state.device.type == "cpu"
        counter = (CpuCounter if on_cpu else DeviceCounter)()
        recheck = None
        if on_cpu and self.rows.dtype != torch.float32:
            exact = self.tolerance(spread, logit, torch.float32)
            recheck = Recheck(state, logit, exact)
        total = torch.zeros(len(state), dtype=torch.long, device=state.device)
        for first in range(0, len(state), SLICE_ROWS):
            block = slice(first, first + SLICE_ROWS)
            for start in range(0, len(self.rows), SLICE_TOKENS):
                part = self.rows[start : start + SLICE_TOKENS]
                certain, rows, columns = counter(fast[block], part, high[block], low[block])
                total[block] += certain
                if others is not None:
                    others.see(counter.logits, first, start)
                if len(rows) and recheck is not None:
                    part = self._exact(head, start, start + SLICE_TOKENS)
                    certain, rows, columns = recheck(block, part, rows, columns)
                    total[block] += certain
                if len(rows):
                    rows, tokens = first + rows, self.tokens[start + columns]
                    total.index_add_(0, rows, _ahead(state, head, gold, rows, tokens).long())
        return total


def _length(rows: torch.Tensor) -> torch.Tensor:
    """4-norms of rows, of which no power is too large or too small for float32."""
    largest = rows.abs().amax(-1).clamp(min=torch.finfo(torch.float32).tiny)
    return (rows / largest[..., None]).square().square().sum(-1).sqrt().sqrt() * largest


def _longest(rows: torch.Tensor) -> float:
    return float(_length(rows.float()).amax())


class _BestOther:
    """The highest exact logit `[row]` of tokens that are not relevant, out of fast ones: those that
    come within its error of the highest are computed again."""

    def __init__(
        self, own: _Rows, state: torch.Tensor, head: torch.Tensor, relevant: torch.Tensor
    ) -> None:
        self._own, self._state, self._head = own, state, head
        self._spread = own.spread(state)
        self._fast = state.new_full((len(state),), -torch.inf)
        self._exact = self._fast.double()
        self._rows, columns = torch.isin(relevant, own.tokens).nonzero(as_tuple=True)
        self._places = torch.searchsorted(own.tokens, relevant[self._rows, columns])

    @property
    def logit(self) -> torch.Tensor:
        return self._exact.masked_fill(self._exact == -torch.inf, torch.nan)

    def see(self, logits: torch.Tensor, first: int, start: int) -> None:
        """Take in `logits` `[row, token]` of rows and tokens from these numbers on; those of
        relevant tokens are overwritten."""
        rows, places = self._rows - first, self._places - start
        inside = (rows >= 0) & (rows < len(logits)) & (places >= 0) & (places < logits.shape[1])
        logits[rows[inside], places[inside]] = -torch.inf
        block = slice(first, first + len(logits))
        highest = torch.maximum(self._fast[block], logits.amax(1))
        self._fast[block] = highest
        reach = 2 * self._own.tolerance(self._spread[block], highest)
        least = (highest - reach).masked_fill(highest == -torch.inf, torch.inf)
        rows, columns = at_least(logits, least[:, None])
        rows, tokens = rows + first, self._own.tokens[start + columns]
        exact = exact_logits(self._state, self._head, rows, tokens)
        self._exact.scatter_reduce_(0, rows, exact, "amax")


def exact_logits(
    state: torch.Tensor, head: torch.Tensor, rows: torch.Tensor, tokens: torch.Tensor
) -> torch.Tensor:
    """Logits `[pair]` in float64 of some pairs of a row of `state` and a token."""
    size = max(1, BLOCK_BYTES // (head.shape[1] * 32))
    parts = [
        (state[some].double() * head[others].double()).sum(-1)
        for some, others in zip(rows.split(size), tokens.split(size), strict=True)
    ]
    return torch.cat(parts)


def _ahead(
    state: torch.Tensor, head: torch.Tensor, gold: Gold, rows: torch.Tensor, tokens: torch.Tensor
) -> torch.Tensor:
    """Whether each token of the pairs is ahead of the relevant token of its row."""
    exact, logit = exact_logits(state, head, rows, tokens), gold.logit[rows]
    return (exact > logit) | ((exact == logit) & (tokens < gold.token[rows]))


def best_relevant(state: torch.Tensor, head: torch.Tensor, relevant: torch.Tensor) -> Gold:
    """The highest-ranked relevant token of each row; ties go to the lower id."""
    real = relevant != NO_TOKEN
    rows = torch.nonzero(real)[:, 0]
    values = torch.full(relevant.shape, -torch.inf, dtype=torch.float64, device=state.device)
    values[real] = exact_logits(state, head, rows, relevant[real])
    logit = values.max(1).values
    tied = torch.where(values == logit[:, None], relevant, torch.iinfo(torch.int64).max)
    return Gold(logit, tied.min(1).values)
