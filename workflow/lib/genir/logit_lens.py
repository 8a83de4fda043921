"""The logit lens: intermediate states read as if they were the last (the study's Fig. 4)."""

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
    for block in subject.queries.blocks(subject.source.batch_size):
        trace = subject.decoder.trace(subject.memory(block))
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
            "vocabulary_rank": ranks.vocabulary.numpy(),
            "docid_rank": ranks.docid.numpy(),
            "mean_docid_rank": docid.numpy(),
            "mean_other_rank": other.numpy(),
        }
    )


def mean_token_ranks(
    unembedding: Unembedding, state: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean vocabulary rank of the docid tokens and of all other tokens, per row of `state`."""
    size, documents = len(unembedding.is_docid), len(unembedding.docid_tokens)
    positions = torch.arange(1, size + 1, dtype=torch.float64)
    sums = []
    for _, logits in unembedding.blocks(state):
        order = (-logits).argsort(dim=1, stable=True)
        sums.append(unembedding.is_docid[order].to(torch.float64) @ positions)
    docid = torch.cat(sums)
    return docid / documents, (size * (size + 1) / 2 - docid) / (size - documents)
