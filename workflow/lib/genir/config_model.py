"""Values that follow from a checked configuration."""

import json
from pathlib import Path
from typing import Any

from genir.errors import ModelError

REPOSITORY = Path(__file__).resolve().parents[3]


def resolve(path: str, repository: Path, workdir: Path) -> Path:
    """Where a path of the config lies: `resources/...` in the repository, the rest in `workdir`."""
    return (repository if Path(path).parts[:1] == ("resources",) else workdir) / path


def finetuning(config: dict[str, Any], model: str) -> dict[str, Any]:
    """How `model` is fine-tuned: the common keys, overridden by its own."""
    return config["finetuning"] | config["models"][model].get("finetuning", {})


def encoder_layers(
    config: dict[str, Any], model: str, workdir: Path, repository: Path = REPOSITORY
) -> int:
    """Encoder layers of `model`. Raises ModelError if its config.json cannot be read."""
    return _layers(config, model, workdir, repository)[0]


def decoder_layers(
    config: dict[str, Any], model: str, workdir: Path, repository: Path = REPOSITORY
) -> int:
    """Decoder layers of `model`. Raises ModelError if its config.json cannot be read."""
    return _layers(config, model, workdir, repository)[1]


def _layers(config: dict[str, Any], model: str, workdir: Path, repository: Path) -> tuple[int, int]:
    entry = config["models"][model]
    if "folder" in entry:
        return folder_layers(resolve(entry["folder"], repository, workdir))
    return start_layers(config, entry["start"], workdir, repository)


def start_layers(
    config: dict[str, Any], start: dict[str, Any], workdir: Path, repository: Path
) -> tuple[int, int]:
    """Encoder and decoder layers of what fine-tuning starts from."""
    if start["type"] == "hub":
        return start["encoder_layers"], start["decoder_layers"]
    if start["type"] == "pretraining":
        shape = config["pretraining"]["shape"]
        return shape["num_layers"], shape["num_decoder_layers"]
    folder = start["path"] if start["type"] == "folder" else start["like"]
    return folder_layers(resolve(folder, repository, workdir))


def folder_layers(folder: Path) -> tuple[int, int]:
    """Encoder and decoder layers that a folder's config.json states.

    T5 leaves `num_decoder_layers` out where it equals `num_layers`. Raises ModelError if there is
    no such file or it does not describe a T5.
    """
    try:
        shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return int(shape["num_layers"]), int(shape.get("num_decoder_layers") or shape["num_layers"])
    except OSError:
        raise ModelError(
            f"{folder} has no config.json; write the folder of a T5 that save_pretrained wrote"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ModelError(
            f"{folder}/config.json states no num_layers; write the folder of a T5"
        ) from None
