"""Where a training writes, and what it was: settings, versions, data."""

import platform
from dataclasses import asdict, dataclass, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genir.files.fingerprint import sha256
from genir.files.io import write_json

RECORDED_PACKAGES = ("torch", "transformers", "tokenizers", "numpy")


def write_run_record(path: Path, inputs: dict[str, Path], **facts: Any) -> None:
    """Write `facts` (dataclasses allowed), the SHA-256 of every input file and versions as JSON."""
    plain = {name: asdict(f) if is_dataclass(f) else f for name, f in facts.items()}
    hashes = {name: sha256(file) for name, file in inputs.items()}
    versions = {"python": platform.python_version()}
    versions |= {package: version(package) for package in RECORDED_PACKAGES}
    write_json(path, plain | {"inputs_sha256": hashes, "versions": versions})


@dataclass(frozen=True)
class FinetuningOutputs:
    """Where a fine-tuned model is written; `checkpoints` is removed when all else is there."""

    model: Path
    curve: Path
    run: Path
    checkpoints: Path
