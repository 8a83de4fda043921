"""Loss curves of all fine-tuned models."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from genir.files.io import read_csv
from genir.tables.page import NO_RANK, Table

COLUMNS = ("model step loss indexing_loss retrieval_loss learning_rate docid_learning_rate").split()


@dataclass(frozen=True)
class CurveFile:
    """The curve of one model; reduced models are named <model>/<reduced model>."""

    model: str
    path: Path


def make(files: list[CurveFile]) -> Table:
    """Collect the loss curves of all fine-tuned models, one row per model and logged step.

    Args:
        files: loss curves, one a model; a reduced model is named <model>/<reduced model>.
    """
    curves = [read_csv(file.path).assign(model=file.model) for file in files]
    frame = pd.concat(curves, ignore_index=True)[COLUMNS]
    return Table(frame, shown(frame), NO_RANK, "Last logged step of each curve.")


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The last logged step of every model."""
    return frame.groupby("model", sort=False).tail(1)
