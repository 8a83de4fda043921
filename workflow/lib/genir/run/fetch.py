"""Downloading what a configuration takes from the Hugging Face hub."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import filter_repo_objects

from genir.base.errors import HubError
from genir.base.progress import LOGGER
from genir.engine.model_files import INDEX, SINGLE
from genir.files.io import atomic_folder, write_text
from genir.run.hub import Snapshot, lock_text, pinned, read_lock

# Nothing that a program could be hidden in: no pickles, no code.
MODEL_FILES = ["*.json", "*.safetensors", "spiece.model"]
IN_SUBFOLDERS = "*/*"


def fetch(snapshots: Sequence[Snapshot], lock_path: Path) -> None:
    """Note the current revision of every repository that has none yet, and download what is not
    there. Raises HubError if the hub cannot be reached or lacks something."""
    lock = read_lock(lock_path)
    for snapshot in pinned(snapshots, lock, lock_path):
        if not snapshot.revision and (snapshot.kind, snapshot.id) not in lock:
            lock[snapshot.kind, snapshot.id] = current_revision(snapshot)
            write_text(lock_path, lock_text(lock))
    for snapshot in pinned(snapshots, lock, lock_path):
        if not Path(snapshot.folder).is_dir():
            download(snapshot)
    count = len({(snapshot.kind, snapshot.id) for snapshot in snapshots})
    LOGGER.info("%d repositories of the hub are there", count)


def current_revision(snapshot: Snapshot) -> str:
    """The commit that the hub has as the newest."""
    with _clear_errors(snapshot):
        info = HfApi().model_info if snapshot.kind == "model" else HfApi().dataset_info
        revision = info(snapshot.id).sha
    LOGGER.info("%s: revision %s", snapshot.id, revision)
    return revision


def download(snapshot: Snapshot) -> None:
    """Bring the files that are needed to `snapshot.folder`, all of them or none.

    They are linked from the hub's cache where the file system can; an interrupted download goes on
    from there.
    """
    LOGGER.info("downloading %s at revision %s", snapshot.id, snapshot.revision)
    wanted = _patterns(snapshot)
    with _clear_errors(snapshot):
        cached = Path(
            snapshot_download(
                snapshot.id, repo_type=snapshot.kind, revision=snapshot.revision, **wanted
            )
        )
    there = (str(p.relative_to(cached)) for p in sorted(cached.rglob("*")) if p.is_file())
    files = list(filter_repo_objects(there, **wanted))
    _check_usable(snapshot, files)
    with atomic_folder(snapshot.folder) as folder:
        for file in files:
            _link(cached / file, folder / file)


def _patterns(snapshot: Snapshot) -> dict[str, list[str]]:
    if snapshot.kind == "model":
        return {"allow_patterns": MODEL_FILES, "ignore_patterns": [IN_SUBFOLDERS]}
    return {"allow_patterns": [f"{snapshot.name}/*.parquet" if snapshot.name else "*.parquet"]}


def _check_usable(snapshot: Snapshot, files: Sequence[str]) -> None:
    """Raises HubError if the weights or the Parquet files are missing."""
    if snapshot.kind == "dataset" and not files:
        named = f" of a configuration {snapshot.name}" if snapshot.name else ""
        raise HubError(
            f"{snapshot.key}: {snapshot.id} has no Parquet files{named} at revision "
            f"{snapshot.revision}; correct id or name, or download it yourself and write path"
        )
    if snapshot.kind == "model" and not {SINGLE, INDEX} & set(files):
        raise HubError(
            f"{snapshot.key}: {snapshot.id} has no weights in safetensors at revision "
            f"{snapshot.revision} ({SINGLE}, or {INDEX} and its files); other formats can hold "
            f"programs and are not loaded. {HOW_TO_CONVERT}"
        )


HOW_TO_CONVERT = (
    "Where you trust them, convert them once: AutoModelForSeq2SeqLM.from_pretrained(...)"
    ".save_pretrained(<folder>) and the same with AutoTokenizer; then name that folder"
)


def _link(source: Path, target: Path) -> None:
    """`target` as a hard link to what `source` is, or a copy on another file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def _clear_errors(snapshot: Snapshot) -> Iterator[None]:
    """Turns the hub client's errors into a HubError that says what to do."""
    what = f"{snapshot.key}: {snapshot.id}"
    try:
        yield
    except GatedRepoError:
        raise HubError(
            f"{what} is gated; accept its terms on its hub page and log in with `hf auth login`"
        ) from None
    except RepositoryNotFoundError:
        raise HubError(
            f"{what} is not on the hub, or not public; correct the id, or log in with "
            "`hf auth login`"
        ) from None
    except RevisionNotFoundError:
        raise HubError(
            f"{what} has no revision {snapshot.revision} on the hub; correct it in the "
            "configuration or the lock file"
        ) from None
    except (HTTPError, LocalEntryNotFoundError, ConnectionError, TimeoutError) as error:
        reason = next(iter(str(error).strip().splitlines()), "")
        raise HubError(
            f"{what}: the hub cannot be reached ({type(error).__name__}: {reason}); run "
            "`snakemake fetch` again where there is network. What is complete is not downloaded "
            "again"
        ) from None
