"""The logit lens: intermediate states read as if they were the last (the study's Fig. 4)."""

import numpy as np
import pandas as pd
import torch

from genir.queries import Queries
from genir.ranking import Unembedding
from genir.subject import Subject

SOURCES = ("residual", "cross_attention", "mlp")


def rank_development(subject: Subject) -> pd.DataFrame:
    """One row per query, layer and source, each state projected through the final norm and the
    unembedding: vocabulary_rank and docid_rank of the relevant document, mean_docid_rank over all
    docid tokens and mean_other_rank over all other tokens (ranks among the whole vocabulary).

    Sources are the residual stream after the layer and the outputs of its cross-attention and MLP.
    """
    tables = []
    for rows, _, trace in subject.traces():
        block = subject.queries.take(rows)
        for layer in range(len(trace.residual) - 1):
            states = (
                trace.residual[layer + 1],
                trace.output(layer, "cross_attention"),
                trace.output(layer, "mlp"),
            )
            tables += [
                _table(subject.decoder.unembedding, block, layer, source, state)
                for source, state in zip(SOURCES, states, strict=True)
            ]
    return pd.concat(tables, ignore_index=True)


def _table(
    unembedding: Unembedding, block: Queries, layer: int, source: str, state: torch.Tensor
) -> pd.DataFrame:
    ranks = unembedding.ranks(state, block.relevant)
    docid, other = mean_token_ranks(unembedding, state)
    return pd.DataFrame(
        {
            "query_id": block.ids,
            "doc_id": block.doc_ids,
            "layer": layer,
            "source": source,
            "vocabulary_rank": ranks.vocabulary.cpu().numpy(),
            "docid_rank": ranks.docid.cpu().numpy(),
            "mean_docid_rank": docid.numpy(),
            "mean_other_rank": other.numpy(),
        }
    )


def mean_token_ranks(
    unembedding: Unembedding, state: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean vocabulary rank of the docid tokens and of all other tokens, per row of `state`."""
    size, documents = len(unembedding.is_docid), len(unembedding.docid_tokens)
    is_docid = unembedding.is_docid.cpu().numpy()
    sums = [
        _docid_rank_sum(row, is_docid)
        for _, logits in unembedding.blocks(state)
        for row in logits.cpu().numpy()
    ]
    docid = torch.tensor(sums, dtype=torch.float64)
    return docid / documents, (size * (size + 1) / 2 - docid) / (size - documents)


def _docid_rank_sum(logits: np.ndarray, is_docid: np.ndarray) -> int:
    """Sum of the ranks of the docid tokens among all tokens.

    Among themselves docid tokens have ranks 1 to D; each is pushed down by every other token ahead
    of it, which takes a sort of the others' values and no order of all tokens. Only where a docid
    token ties with another token do ids decide.
    """
    others, own = np.sort(logits[~is_docid]), logits[is_docid]
    ahead = len(others) - np.searchsorted(others, own, side="right")
    if (len(others) - np.searchsorted(others, own, side="left") != ahead).any():
        order = np.argsort(-logits, kind="stable")
        return int((1 + np.flatnonzero(is_docid[order])).sum())
    return int(ahead.sum()) + len(own) * (len(own) + 1) // 2
