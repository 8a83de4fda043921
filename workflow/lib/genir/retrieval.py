"""Ranking the documents of a dataset by a model."""

import numpy as np
import pandas as pd
import torch

from genir.queries import ranks_table
from genir.subject import Subject


def rank_queries(subject: Subject, encoder: torch.nn.Module | None = None) -> pd.DataFrame:
    """Ranks of the relevant document of every query, read through `encoder`: query_id, doc_id,
    vocabulary_rank, docid_rank."""
    tables = []
    for block in subject.queries.blocks(subject.source.batch_size):
        memory = subject.memory(block, encoder)
        residual = subject.decoder.trace(memory).residual[-1]
        ranks = subject.decoder.unembedding.ranks(residual, block.relevant)
        tables.append(ranks_table(block, ranks.vocabulary, ranks.docid))
    return pd.concat(tables, ignore_index=True)


def top_documents(subject: Subject, depth: int) -> np.ndarray:
    """doc_ids `[query, depth]`, best first; equal logits in the order of their tokens."""
    doc_ids, tokens = zip(*sorted(subject.docids.items(), key=lambda item: item[1]), strict=True)
    names, columns = np.array(doc_ids, dtype=object), torch.tensor(tokens)
    unembedding, rows = subject.decoder.unembedding, []
    for block in subject.queries.blocks(subject.source.batch_size):
        residual = subject.decoder.trace(subject.memory(block)).residual[-1]
        for _, logits in unembedding.blocks(residual):
            order = (-logits[:, columns]).argsort(dim=1, stable=True)[:, :depth]
            rows.append(names[order.numpy()])
    return np.concatenate(rows)
