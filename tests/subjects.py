"""Subjects for tests: small random models with queries of random tokens."""

from pathlib import Path

import numpy as np
import torch
from plain import DOCUMENTS, PIECES, lean, random_inputs, small_model

from genir.queries import Queries
from genir.subject import QuerySource, Subject


def small_subject(family: str = "relu-tied", seed: int = 0, queries: int = 11) -> Subject:
    """Eleven queries of one to seven tokens, the first relevant to two documents."""
    model = small_model(family, seed=seed)
    ids, mask = random_inputs(queries)
    inputs = [row[kept.bool()].numpy() for row, kept in zip(ids, mask, strict=True)]
    relevant = torch.full((queries, 2), -1)
    relevant[:, 0] = PIECES + torch.arange(queries) % DOCUMENTS
    relevant[0, 1] = PIECES + 20
    names = np.array([f"q{i:02d}" for i in range(queries)], dtype=object)
    documents = np.array([f"d{i:02d}" for i in range(queries)], dtype=object)
    docids = {f"d{i:02d}": PIECES + i for i in range(DOCUMENTS)}
    source = QuerySource(Path(), Path(), "validation", 8, batch_size=4)
    table = Queries(names, documents, inputs, relevant)
    return Subject(model, None, docids, lean(model), table, source)


def relevant_lists(subject: Subject) -> list[list[int]]:
    return [[token for token in row if token >= 0] for row in subject.queries.relevant.tolist()]
