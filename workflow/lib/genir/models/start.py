"""What fine-tuning starts from."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from genir.base.errors import ModelError
from genir.base.paths import REPOSITORY, as_written
from genir.engine.model_files import files_read


@dataclass(frozen=True)
class Start:
    """What fine-tuning starts from: the weights in the folder `path`, or random weights in its
    shape and with its tokenizer."""

    type: Literal["folder", "random"]
    path: str


def recorded(start: Start) -> Start:
    """The start with its path as the config writes it, so that a run record does not say where the
    repository lies."""
    return replace(start, path=as_written(start.path, REPOSITORY, Path.cwd()))


def start_files(start: Start) -> list[Path]:
    """What is read of a start: its weights unless they are random, configuration and tokenizer."""
    return files_read(start.path, weights=start.type == "folder")


def start_folder(start: Start) -> Path:
    """The folder of a start's weights. Raises ModelError for a random start, which has none."""
    if start.type == "random":
        raise ModelError("a random start has no weights; give the model another `start`")
    return Path(start.path)
