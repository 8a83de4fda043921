"""What made an artifact: every artifact that a script writes carries it.

`script`; `arguments`, the command line but for its memory limit, which grows with the attempt, with
files of the repository as the configuration writes them, `resources/...`; `config_hash`, a hash of
these arguments, the part of the configuration that the job used; `code`, the fingerprint of script
and library; `versions` of Python and of the packages that this code imports; `seeds`, every
argument named seed, by where it stands in the arguments. None of these depends on when, where or in
how many attempts a job ran.

Parquet holds it in its metadata, a folder as `provenance.json`; of other files it lies beside them
as `<stem>.provenance.json`, and is read there. Such a document has one key more, `sha256`: of every
file that it accompanies the digest, by name, which `damage.py` compares. Pictures hold it too, for
those who get one of them alone.
"""

import json
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from genir.base.command_lines import spellings
from genir.base.errors import ProvenanceError
from genir.base.paths import REPOSITORY
from genir.files.fingerprint import code_fingerprint, fingerprint_of, imported_packages

KEYS = ("script", "arguments", "config_hash", "code", "versions", "seeds")
METADATA_KEY = "genir"
FOLDER_FILE = "provenance.json"
DIGESTS = "sha256"
_MEMORY = "memory_mb"
_DISTRIBUTIONS = {"yaml": "PyYAML"}
_LIBRARY = Path(__file__).parents[2]

_of_process: dict[str, Any] | None = None


def describe(script: Path, arguments: Sequence[str], *modules: str) -> dict[str, Any]:
    """The provenance of what `script` writes when it is called with `arguments`, which have it
    import `modules` of the library."""
    options = [option for option in _options(arguments) if _last(option[0]) != _MEMORY]
    kept = [_as_configured(part) for _, parts in options for part in parts]
    seeds = dict(seed for name, parts in options for seed in _seeds(name, _value(parts)))
    code = (script, _LIBRARY, *modules)
    values = (
        *(script.stem, kept, fingerprint_of(kept), code_fingerprint(*code)),
        *(_versions(imported_packages(*code)), seeds),
    )
    return dict(zip(KEYS, values, strict=True))


@contextmanager
def carrying(provenance: dict[str, Any] | None) -> Iterator[None]:
    """What this process writes inside the block carries `provenance`."""
    global _of_process
    before, _of_process = _of_process, provenance
    try:
        yield
    finally:
        _of_process = before


def metadata() -> str | None:
    """The provenance of what this process writes, as ASCII; None outside `carrying`."""
    return None if _of_process is None else json.dumps(_of_process)


def is_carried() -> bool:
    """Whether this is inside `carrying`."""
    return _of_process is not None


def document(digests: Mapping[str, str]) -> str:
    """The provenance of what this process writes as a document, with digests; for `is_carried`."""
    return json.dumps({**(_of_process or {}), DIGESTS: digests}, indent=2) + "\n"


def read_document(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Provenance and digests, empty if there is no such file. Raises ValueError if it is none."""
    if not path.is_file():
        return {}, {}
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        digests = said.pop(DIGESTS, {})
        return said, dict(digests.items())
    except (ValueError, RecursionError, AttributeError, TypeError):
        raise ValueError(f"{path.name} beside it cannot be read") from None


def digests_of_process(path: Path) -> dict[str, str] | None:
    """The digests in a document that this process wrote; None if it is of another one."""
    try:
        said, digests = read_document(path)
    except (OSError, ValueError):
        return None
    return digests if said == _of_process else None


def read_provenance(path: Path) -> dict[str, Any]:
    """The provenance of a file, or of a folder that was written whole.

    Raises ProvenanceError if there is no such artifact or it has none.
    """
    if not path.exists():
        raise ProvenanceError(f"{path} does not exist; name an artifact below results/")
    documents = (
        [path / FOLDER_FILE] if path.is_dir() else [sidecar(path), path.parent / FOLDER_FILE]
    )
    texts = [document.read_text(encoding="utf-8") for document in documents if document.is_file()]
    for text in [_of_parquet(path), *texts] if path.suffix == ".parquet" else texts:
        value = _parsed(text)
        if isinstance(value, dict) and value.keys() - {DIGESTS} == set(KEYS):
            return {key: value[key] for key in KEYS}
    raise ProvenanceError(
        f"{path} carries no provenance; what this workflow's scripts write since version 0.4.0 "
        "does, so have Snakemake make it again"
    )


def _of_parquet(path: Path) -> str:
    import pyarrow.parquet as pq

    try:
        held = pq.read_schema(path).metadata or {}
    except (OSError, ValueError) as error:
        raise ProvenanceError(f"{path} cannot be read as Parquet: {error}; make it again") from None
    return held.get(METADATA_KEY.encode(), b"").decode()


def sidecar(path: Path) -> Path:
    """Where the provenance of a file lies that cannot hold it; of one stem, in one place."""
    return path.with_name(f"{path.stem}.{FOLDER_FILE}")


def _options(arguments: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Name of every option, and the parts of the command line that it consists of."""
    options: list[list[str]] = []
    for argument in arguments:
        if argument.startswith("--") or not options:
            options.append([])
        options[-1].append(argument)
    return ((parts[0].removeprefix("--").partition("=")[0], parts) for parts in options)


def _as_configured(argument: str) -> str:
    """Without what says where the repository lies, on this machine or seen from here."""
    for place in (str(REPOSITORY), os.path.relpath(REPOSITORY)):
        for spelled in spellings(place):
            found = rf"(?<![\w./-]){re.escape(spelled)}/resources/"
            argument = re.sub(found, "resources/", argument)
    return argument


def _value(parts: Sequence[str]) -> Any:
    """The value of an option: what its JSON says, or its text."""
    text = parts[1] if len(parts) > 1 else parts[0].partition("=")[2]
    return _parsed(text, text)


def _parsed(text: str, otherwise: Any = None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def _seeds(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Dotted name and value of everything named seed in the value called `name`."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _seeds(f"{name}.{key}", part)
    elif _last(name) == "seed":
        yield name, value


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of Python and of those packages that are installed, by the names of pip."""
    versions = {"python": platform.python_version()}
    for package in packages:
        name = _DISTRIBUTIONS.get(package, package.replace("_", "-"))
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
