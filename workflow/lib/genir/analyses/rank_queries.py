"""Ranking the documents of a dataset by a model."""

import numpy as np
import pandas as pd

from genir.engine.encoder import LeanEncoder
from genir.subjects.queries import ranks_table
from genir.subjects.shards import Tensors
from genir.subjects.subject import Block, Subject, joined


def rank_queries(subject: Subject, encoder: LeanEncoder | None = None) -> pd.DataFrame:
    """Ranks of the relevant document of every query, read through `encoder`, as `ranks_table` has
    them."""

    def measured(block: Block) -> Tensors:
        relevant = subject.queries.relevant[block.rows]
        return vars(subject.decoder.unembedding.ranks_and_logits(block.trace.states[-1], relevant))

    found = joined(subject.measure("queries ranked", measured, encoder=encoder))
    return ranks_table(subject.queries, found)


def top_documents(subject: Subject, depth: int) -> np.ndarray:
    """The first doc_ids for every query `[query, depth]`, best first; equal logits in the order of
    their tokens."""
    document_of = {token: doc_id for doc_id, token in subject.docids.items()}
    depth = min(depth, len(document_of))

    def measured(block: Block) -> Tensors:
        return {"tokens": subject.decoder.unembedding.top(block.trace.states[-1], depth)}

    found = joined(subject.measure("queries answered", measured, depth))
    return np.array([[document_of[t] for t in row] for row in found["tokens"].tolist()], object)
