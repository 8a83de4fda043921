"""Checkpoints of a running training, written whole or not at all."""

import os
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from genir.base.progress import LOGGER
from genir.files.fingerprint import fingerprint_of, sha256
from genir.files.full_disk import refusal


def identity_of(files: Iterable[Path], *settings: Any) -> str:
    """Stands for all that a training reads: the content of files, and its settings."""
    return fingerprint_of([sha256(file) for file in files], *settings)


class Checkpoint:
    """One file in `folder` that holds the state of a training after some step.

    The folder must be keyed by code and configuration, so that a changed run never continues an old
    one; `identity` is of what a run reads, which may have changed all the same.
    """

    def __init__(self, folder: Path | str, identity: str = "") -> None:
        self.folder, self.identity = Path(folder), identity
        self.path = self.folder / "state.pt"

    def below(self, name: str) -> "Checkpoint":
        """A checkpoint of a part of the same run."""
        return Checkpoint(self.folder / name, self.identity)

    def save(self, state: dict[str, Any]) -> None:
        """Keep `state` in place of the last one; it is on the disk when this returns. Where that
        fails, as on a full disk, the last one stays and the run goes on."""
        partial = self.folder / f"state.{os.getpid()}.partial"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            torch.save(state | {"identity": self.identity}, partial)
            _to_disk(partial)
            os.replace(partial, self.path)
            _to_disk(self.folder)
        except (OSError, RuntimeError) as error:
            reason = refusal(error, self.path) or f"{self.path}: {error}"
            partial.unlink(missing_ok=True)
            LOGGER.warning("no new checkpoint, going on without: %s", reason)

    def load(self) -> dict[str, Any] | None:
        """The saved state, or None if there is none, or it cannot be read or is of other data. What
        a killed process was writing is removed."""
        for partial in self.folder.glob("*.partial"):
            partial.unlink(missing_ok=True)
        if not self.path.exists():
            return None
        try:
            _check_sums(self.path)
            state = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:
            LOGGER.warning("checkpoint %s is damaged (%s): starting afresh", self.path, error)
            return None
        if not isinstance(state, dict) or state.pop("identity", None) != self.identity:
            LOGGER.warning("checkpoint %s is of other data: starting afresh", self.path)
            return None
        return state

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _check_sums(path: Path) -> None:
    """Raises ValueError if bytes of a file of torch were changed, which torch does not notice."""
    with zipfile.ZipFile(path) as archive:
        if changed := archive.testzip():
            raise ValueError(f"{changed} does not have its check sum")


def _to_disk(path: Path) -> None:
    """Have the system write a file or the entries of a folder now, against a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
