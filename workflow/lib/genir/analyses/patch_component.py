"""Ranks with single components of a layer patched."""

from pathlib import Path

import pandas as pd

from genir.analyses.patching import ranks_under, single_patches
from genir.base.names import Method
from genir.models.start import Start
from genir.subjects.subject import Subject


def patch_component(
    subject: Subject,
    correct: Path,
    methods: list[Method],
    first_layer: int,
    last_layer: int,
    start: Start | None = None,
    donors: Path | None = None,
) -> dict[str, pd.DataFrame]:
    """Patch single components of some decoder layers and rank the queries.

    Args:
        start: what fine-tuning started from; needed by the method pretrained.
        donors: the folder that donors wrote; needed by methods that take them.
    """
    patches = single_patches(range(first_layer, last_layer + 1), methods)
    return ranks_under(subject, correct, patches, start, donors)
