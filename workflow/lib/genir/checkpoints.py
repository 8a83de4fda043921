"""Checkpoints of a running training, written whole or not at all."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from genir.progress import LOGGER


class Checkpoint:
    """One file in `folder` that holds the state of a training after some step.

    The folder must be keyed by whatever makes the run what it is (config and code), so that a
    changed run never continues an old one.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.path = self.folder / "state.pt"

    def save(self, state: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".partial")
        torch.save(state, temporary)
        os.replace(temporary, self.path)

    def load(self) -> dict[str, Any] | None:
        """The saved state, or None if there is none or it cannot be read."""
        if not self.path.exists():
            return None
        try:
            return torch.load(self.path, weights_only=True)
        except Exception as error:
            LOGGER.warning("checkpoint %s is damaged (%s): starting afresh", self.path, error)
            return None

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
