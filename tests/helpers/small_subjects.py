"""Subjects for tests: small random models with queries of random tokens."""

from dataclasses import dataclass

import numpy as np
import torch
from plain_t5 import DOCUMENTS, PIECES, random_inputs, small_model
from transformers import T5ForConditionalGeneration

from genir.engine.t5 import t5_of
from genir.subjects.blocks import Blocks, Limits
from genir.subjects.queries import Queries
from genir.subjects.subject import Subject


@dataclass(frozen=True)
class SmallSubject(Subject):
    """A subject with its plain Hugging Face model, computed in blocks of a few queries."""

    plain: T5ForConditionalGeneration
    sizes: Blocks

    def blocks(self, patches: int = 1, models: int = 1) -> Blocks:
        return self.sizes


def small_subject(
    family: str = "relu-tied",
    seed: int = 0,
    queries: int = 11,
    sizes: Blocks | None = None,
    layers: int = 3,
    device: torch.device | str = "cpu",
) -> SmallSubject:
    """Eleven queries of one to seven tokens, the first relevant to two documents."""
    model = small_model(family, layers, seed).to(device)
    ids, mask = random_inputs(queries)
    inputs = [row[kept.bool()].numpy() for row, kept in zip(ids, mask, strict=True)]
    relevant = torch.full((queries, 2), -1)
    relevant[:, 0] = PIECES + torch.arange(queries) % DOCUMENTS
    relevant[0, 1] = PIECES + 20
    names = np.array([f"q{i:02d}" for i in range(queries)], dtype=object)
    documents = np.array([f"d{i:02d}" for i in range(queries)], dtype=object)
    docids = {f"d{i:02d}": PIECES + i for i in range(DOCUMENTS)}
    table = Queries(names, documents, inputs, relevant)
    return SmallSubject(t5_of(model), docids, table, Limits(4000), model, sizes or Blocks(4, 5))


def relevant_lists(subject: Subject) -> list[list[int]]:
    return [[token for token in row if token >= 0] for row in subject.queries.relevant.tolist()]
