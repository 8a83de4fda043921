"""Loss curves of all fine-tuned models."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from genir.files import read_csv

COLUMNS = "model step loss indexing_loss retrieval_loss learning_rate".split()


@dataclass(frozen=True)
class CurveFile:
    """The curve of one model; reduced models are named <model>/<reduced model>."""

    model: str
    path: Path


def training_table(files: list[CurveFile]) -> pd.DataFrame:
    """All curves, one row per model and logged step."""
    curves = [read_csv(file.path).assign(model=file.model) for file in files]
    return pd.concat(curves, ignore_index=True)[COLUMNS]


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """The last logged step of every model."""
    return frame.groupby("model", sort=False).tail(1)
