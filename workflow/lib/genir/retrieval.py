"""Ranking the documents of a dataset by a model."""

import numpy as np
import pandas as pd
import torch

from genir.encoder import LeanEncoder
from genir.queries import ranks_table
from genir.subject import Subject


def final_states(subject: Subject, encoder: LeanEncoder | None = None) -> torch.Tensor:
    """The residual stream after the last layer `[query, d_model]`, read through `encoder`."""
    traces = subject.traces(subject.encode(encoder))
    return torch.cat([trace.states[-1] for _, _, trace in traces])


def ranks_of(subject: Subject, states: torch.Tensor) -> pd.DataFrame:
    """Ranks of the relevant document of every query: query_id, doc_id, vocabulary_rank,
    docid_rank."""
    ranks = subject.decoder.unembedding.ranks(states, subject.queries.relevant)
    return ranks_table(subject.queries, ranks.vocabulary, ranks.docid)


def rank_queries(subject: Subject, encoder: LeanEncoder | None = None) -> pd.DataFrame:
    """`ranks_of` the queries read through `encoder`."""
    return ranks_of(subject, final_states(subject, encoder))


def top_documents(subject: Subject, states: torch.Tensor, depth: int) -> np.ndarray:
    """doc_ids `[query, depth]`, best first; equal logits in the order of their tokens."""
    document_of = {token: doc_id for doc_id, token in subject.docids.items()}
    tokens = subject.decoder.unembedding.top(states, min(depth, len(document_of)))
    return np.array([[document_of[t] for t in row] for row in tokens.tolist()], dtype=object)
