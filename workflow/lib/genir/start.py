"""What fine-tuning starts from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genir.errors import ModelError

HUB_FILES = ["*.json", "*.safetensors", "spiece.model"]


@dataclass(frozen=True)
class Start:
    """What fine-tuning starts from: a folder, a hub id at a revision, or random weights in the
    shape and with the tokenizer of the folder `path`."""

    type: Literal["folder", "hub", "random"]
    path: str = ""
    id: str = ""
    revision: str = ""


def start_folder(start: Start) -> Path:
    """The local folder of a start's weights; those of the hub are fetched or found in its cache.

    Raises ModelError for a random start, which has no weights, and if the hub has no such files.
    """
    if start.type == "random":
        raise ModelError("a random start has no weights; give the model another `start`")
    if start.type == "folder":
        return Path(start.path)
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(start.id, revision=start.revision, allow_patterns=HUB_FILES)
    except Exception as error:
        raise ModelError(
            f"{start.id} at revision {start.revision} cannot be fetched from the hub: {error}"
        ) from None
    return Path(folder)
