"""The logit lens: intermediate states read as if they were the last (the study's Fig. 4)."""

import numpy as np
import pandas as pd
import torch

from genir.decoder import Trace
from genir.progress import Progress
from genir.queries import Queries
from genir.ranking import Unembedding
from genir.subject import Subject

SOURCES = ("residual", "cross_attention", "mlp")
COLUMNS = (
    "query_id doc_id layer source vocabulary_rank docid_rank mean_docid_rank mean_other_rank"
).split()
TOKENS = 2**32


def rank_development(subject: Subject) -> pd.DataFrame:
    """One row per query, layer and source, each state projected through the final norm and the
    unembedding: vocabulary_rank and docid_rank of the relevant document, mean_docid_rank over all
    docid tokens and mean_other_rank over all other tokens (ranks among the whole vocabulary).

    Sources are the residual stream after the layer and the outputs of its cross-attention and MLP.
    """
    tables = []
    progress = Progress("queries under the lens", len(subject.queries))
    for rows, _, trace in subject.traces():
        block = subject.queries.take(rows)
        names = [(layer, source) for layer in range(len(trace.residual) - 1) for source in SOURCES]
        states = [lens_state(trace, *name) for name in names]
        lens = _through_lens(subject.decoder.unembedding, block, torch.cat(states))
        for name, (layer, source) in enumerate(names):
            part = lens.iloc[name * len(block) : (name + 1) * len(block)].assign(
                query_id=block.ids, doc_id=block.doc_ids, layer=layer, source=source
            )
            tables.append(part[COLUMNS])
        progress.update(int(rows[-1]) + 1)
    return pd.concat(tables, ignore_index=True)


def lens_state(trace: Trace, layer: int, source: str) -> torch.Tensor:
    """What one of SOURCES is after a layer, `[query, d_model]`."""
    return trace.residual[layer + 1] if source == "residual" else trace.output(layer, source)


def _through_lens(unembedding: Unembedding, block: Queries, states: torch.Tensor) -> pd.DataFrame:
    """The four ranks of every row of `states` `[state * query, d_model]`."""
    ranks = unembedding.ranks(states, block.relevant.repeat(len(states) // len(block), 1))
    docid, other = mean_token_ranks(unembedding, states)
    columns = (ranks.vocabulary, ranks.docid, docid, other)
    values = (column.cpu().numpy() for column in columns)
    return pd.DataFrame(dict(zip(COLUMNS[4:], values, strict=True)))


def mean_token_ranks(
    unembedding: Unembedding, state: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean vocabulary rank of the docid tokens and of all other tokens, per row of `state`."""
    size, documents = len(unembedding.is_docid), len(unembedding.docid_tokens)
    docids = unembedding.docid_tokens.cpu().numpy()
    others = np.flatnonzero(~unembedding.is_docid.cpu().numpy())
    sums = [
        _docid_rank_sum(row, docids, others)
        for _, logits in unembedding.blocks(state)
        for row in logits.cpu().numpy()
    ]
    docid = torch.tensor(sums, dtype=torch.float64)
    return docid / documents, (size * (size + 1) / 2 - docid) / (size - documents)


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
