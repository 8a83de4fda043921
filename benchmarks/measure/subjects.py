"""Random models and queries in the form in which the workflow analyses them."""

from collections.abc import Sequence

import numpy as np
import torch
from peers import Batch
from transformers import T5ForConditionalGeneration

from genir.engine.t5 import t5_of
from genir.subjects.queries import Queries
from genir.subjects.subject import Limits, Subject


def subject_of(
    model: T5ForConditionalGeneration, batches: Sequence[Batch], documents: int, memory_mb: int
) -> Subject:
    """The last `documents` tokens of the vocabulary stand for documents."""
    vocabulary = model.config.vocab_size
    docids = {str(token): token for token in range(vocabulary - documents, vocabulary)}
    relevant = torch.cat([batch.relevant for batch in batches]).cpu()
    inputs = [
        row[mask.bool()].cpu().numpy()
        for batch in batches
        for row, mask in zip(batch.ids, batch.mask, strict=True)
    ]
    ids = np.array([str(number) for number in range(len(inputs))])
    queries = Queries(ids, relevant.numpy().astype(str), inputs, relevant[:, None])
    return Subject(t5_of(model), docids, queries, Limits(memory_mb))
