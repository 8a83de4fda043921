"""Ranks with single attention heads patched."""

from pathlib import Path

import pandas as pd

from genir.analyses.patching import head_patches, heads_together, ranks_under
from genir.base.names import Method
from genir.models.start import Start
from genir.subjects.subject import Subject


def patch_head(
    subject: Subject,
    correct: Path,
    methods: list[Method],
    first_layer: int,
    last_layer: int,
    start: Start | None = None,
    donors: Path | None = None,
) -> dict[str, pd.DataFrame]:
    """Patch single attention heads of some decoder layers and rank the queries.

    Args:
        start: what fine-tuning started from; needed by the method pretrained.
        donors: the folder that donors wrote; needed by methods that take them.
    """
    layers = range(first_layer, last_layer + 1)
    patches = head_patches(layers, subject.model.architecture.heads, methods)
    return heads_together(ranks_under(subject, correct, patches, start, donors))
