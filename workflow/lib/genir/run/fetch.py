"""Downloading what a configuration takes from the Hugging Face hub."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
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

from genir.base.errors import HubError, ModelError
from genir.base.progress import LOGGER
from genir.engine.model_files import INDEX, SINGLE, weight_files
from genir.files.io import atomic_folder, write_text
from genir.models.sentencepiece_file import PIECES_FILES, TOKENIZER_FILES, convert_tokenizer
from genir.run.hub import COMMIT, Snapshot, lock_text, pinned, place, read_lock

# Nothing that a program could be hidden in: no pickles, no code.
MODEL_FILES = ["*.json", "*.safetensors", *PIECES_FILES]
IN_SUBFOLDERS = "*/*"
MOST_LOOKED_AT = 20
"""Branches and pull requests that are searched for safetensors."""


def fetch(snapshots: Sequence[Snapshot], lock_path: Path) -> None:
    """Note the commit of every revision that has none yet, and download what is not there. Raises
    HubError if the hub cannot be reached or lacks something."""
    lock = read_lock(lock_path)
    for snapshot in pinned(snapshots, lock):
        for wanted in snapshot.unknown:
            if (key := (snapshot.kind, place(snapshot.id, wanted))) not in lock:
                lock[key] = current_commit(snapshot, wanted)
                write_text(lock_path, lock_text(lock))
    for snapshot in pinned(snapshots, lock):
        if not Path(snapshot.folder).is_dir():
            download(snapshot)
    count = len({(snapshot.kind, snapshot.id) for snapshot in snapshots})
    LOGGER.info("%d repositories of the hub are there", count)


def current_commit(snapshot: Snapshot, wanted: str) -> str:
    """The commit that a branch, tag or pull request is now, or the newest one if none is
    `wanted`."""
    with _clear_errors(snapshot, wanted):
        info = HfApi().model_info if snapshot.kind == "model" else HfApi().dataset_info
        commit = info(snapshot.id, revision=wanted or None).sha
    if not COMMIT.fullmatch(commit or ""):
        raise HubError(
            f"{snapshot.key}: the hub gives {commit!r} for {snapshot.id}, which is no commit; "
            "write one (40 hexadecimal digits) as revision"
        )
    LOGGER.info("%s: revision %s", place(snapshot.id, wanted), commit)
    return commit


def download(snapshot: Snapshot) -> None:
    """Bring the files that are needed to `snapshot.folder`, all of them or none.

    They are linked from the hub's cache where the file system can; an interrupted download goes on
    from there.
    """
    LOGGER.info("downloading %s at revision %s", snapshot.id, snapshot.revision)
    files = _cached(snapshot, snapshot.revision, _patterns(snapshot))
    _check_usable(snapshot, files)
    if snapshot.other_tokenizer:
        files = {name: file for name, file in files.items() if name not in TOKENIZER_FILES}
        other = {"allow_patterns": list(TOKENIZER_FILES)}
        files |= _cached(snapshot, snapshot.tokenizer_revision, other)
    with atomic_folder(snapshot.folder) as folder:
        for name, file in files.items():
            _link(file, folder / name)
        if snapshot.kind == "model":
            convert_tokenizer(folder, f"{snapshot.key}: {snapshot.id}")


def _cached(snapshot: Snapshot, commit: str, patterns: dict[str, list[str]]) -> dict[str, Path]:
    """Files of a commit by name, where the hub's client keeps them."""
    with _clear_errors(snapshot, commit):
        cached = Path(
            snapshot_download(snapshot.id, repo_type=snapshot.kind, revision=commit, **patterns)
        )
    there = (str(p.relative_to(cached)) for p in sorted(cached.rglob("*")) if p.is_file())
    return {name: cached / name for name in filter_repo_objects(there, **patterns)}


def _patterns(snapshot: Snapshot) -> dict[str, list[str]]:
    if snapshot.kind == "model":
        return {"allow_patterns": MODEL_FILES, "ignore_patterns": [IN_SUBFOLDERS]}
    return {"allow_patterns": [f"{snapshot.name}/*.parquet" if snapshot.name else "*.parquet"]}


def _check_usable(snapshot: Snapshot, files: Mapping[str, Path]) -> None:
    """Raises HubError if weights, one of their shards, or the Parquet files are missing."""
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
            f"programs and are not loaded. {_elsewhere(snapshot)}{HOW_TO_CONVERT}"
        )
    if snapshot.kind == "model" and SINGLE not in files:
        try:
            weight_files(files[INDEX].parent)
        except ModelError as error:
            raise HubError(
                f"{snapshot.key}: {snapshot.id} is not complete at revision {snapshot.revision}: "
                f"{error}; name another revision"
            ) from None


def _elsewhere(snapshot: Snapshot) -> str:
    """Where the hub lists the same weights in safetensors, as advice; nothing if it does not."""
    try:
        refs = HfApi().list_repo_refs(snapshot.id, include_pull_requests=True)
        branches = [(branch.name, branch.target_commit) for branch in refs.branches]
        requests = [(pull.ref, pull.target_commit) for pull in refs.pull_requests or []]
        for name, commit in (branches + requests[::-1])[:MOST_LOOKED_AT]:
            if {SINGLE, INDEX} & set(HfApi().list_repo_files(snapshot.id, revision=commit)):
                of_whom = (
                    ", a pull request that its owner did not merge: check what it does"
                    if name.startswith("refs/pr/")
                    else ""
                )
                return f'They are there with revision: "{name}" (now {commit}{of_whom}). '
    except (HTTPError, ConnectionError, TimeoutError) as error:
        LOGGER.info("%s: other revisions cannot be listed (%s)", snapshot.id, type(error).__name__)
    return ""


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
def _clear_errors(snapshot: Snapshot, revision: str) -> Iterator[None]:
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
            f"{what} has no revision {revision} on the hub; correct it in the configuration or "
            "the lock file (a commit has 40 hexadecimal digits)"
        ) from None
    except (HTTPError, LocalEntryNotFoundError, ConnectionError, TimeoutError) as error:
        reason = next(iter(str(error).strip().splitlines()), "")
        raise HubError(
            f"{what}: the hub cannot be reached ({type(error).__name__}: {reason}); run "
            "`snakemake fetch` again where there is network. What is complete is not downloaded "
            "again"
        ) from None
