"""What a training run was: settings, versions, data."""

import platform
from dataclasses import asdict, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genir.digests import sha256
from genir.files import write_json

RECORDED_PACKAGES = ("torch", "transformers", "tokenizers", "numpy")


def write_run_record(path: Path, inputs: dict[str, Path], **facts: Any) -> None:
    """Write `facts` (dataclasses allowed), the SHA-256 of every input file and versions as JSON."""
    plain = {name: asdict(f) if is_dataclass(f) else f for name, f in facts.items()}
    hashes = {name: sha256(file) for name, file in inputs.items()}
    versions = {"python": platform.python_version()}
    versions |= {package: version(package) for package in RECORDED_PACKAGES}
    write_json(path, plain | {"inputs_sha256": hashes, "versions": versions})
