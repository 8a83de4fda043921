"""Ranks with one component patched in all layers of a stage."""

from pathlib import Path

import pandas as pd

from genir.analyses.patching import ranks_under, stage_patches
from genir.analyses.stages import patched_stages
from genir.base.names import Method
from genir.files.io import read_json
from genir.models.start import Start
from genir.subjects.subject import Subject


def patch_stage(
    subject: Subject,
    correct: Path,
    methods: list[Method],
    stages: Path,
    start: Start | None = None,
    donors: Path | None = None,
) -> dict[str, pd.DataFrame]:
    """Patch one component in all layers of a stage, or of the decoder, and rank the queries.

    Args:
        stages: the model's stages (JSON, written by stages); all is every decoder layer.
        start: what fine-tuning started from; needed by the method pretrained.
        donors: the folder that donors wrote; needed by methods that take them.
    """
    patches = stage_patches(patched_stages(read_json(stages)["used"]), methods)
    return ranks_under(subject, correct, patches, start, donors)
