"""What all patching shares: which queries means are over, whose outputs replace, ranks."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from genir.analyses.patching import Replacements, patch_means, patched_ranks
from genir.base.joins import check_known
from genir.files.io import read_csv
from genir.models.start import Start, start_folder
from genir.subjects.subject import Subject


def correct_rows(subject: Subject, correct: Path) -> np.ndarray:
    """Which queries of `subject` are listed in the CSV `correct`.

    Raises AnalysisError if it lists others.
    """
    listed = read_csv(correct)["query_id"]
    check_known(listed, subject.queries.ids, "the validation queries")
    return pd.Series(subject.queries.ids).isin(listed).to_numpy()


def start_model(
    subject: Subject, patches: Mapping[str, Replacements], start: Start | None
) -> Subject | None:
    """What fine-tuning started from, over the same queries, if a patch needs it."""
    wanted = start and any("pretrained" in patch.values() for patch in patches.values())
    return subject.reading(subject.origin(start_folder(start))) if wanted else None


def ranks_under(
    subject: Subject, correct: Path, patches: Mapping[str, Replacements], start: Start | None
) -> dict[str, pd.DataFrame]:
    """Ranks of all queries under every patch, by its name (`base/patched_files.py`); means are over
    the correct queries."""
    means = patch_means(subject, correct_rows(subject, correct), patches)
    return patched_ranks(subject, means, start_model(subject, patches, start), patches)
