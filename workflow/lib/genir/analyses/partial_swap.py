"""Single parts of the pre-trained encoder before a model's own decoder."""

from collections.abc import Mapping

import pandas as pd

from genir.analyses.encoder_swap import partial_encoder
from genir.analyses.rank_queries import rank_queries
from genir.base.progress import Progress
from genir.models.start import Start, start_folder
from genir.subjects.subject import Subject


def partial_swap(subject: Subject, parts: list[str], start: Start) -> Mapping[str, pd.DataFrame]:
    """Swap single parts of the pre-trained encoder in and rank the queries, a table for each.

    Args:
        parts: the parts to swap in.
        start: what fine-tuning started from.
    """
    donor = subject.origin(start_folder(start))
    progress = Progress("partial swaps", len(parts))
    tables = {}
    for done, part in enumerate(parts, start=1):
        tables[part] = rank_queries(subject, partial_encoder(subject.model, donor, part))
        progress.update(done)
    return tables
