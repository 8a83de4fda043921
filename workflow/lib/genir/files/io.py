"""Reading and writing files so that an interrupted write leaves nothing behind, that what a script
writes carries its provenance (`provenance.py`; no artifact is there without it), and that what is
read is what was written (`damage.py`). Packages for tables are imported where they are needed:
Snakemake, which imports this too, may have none of them."""

import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genir.base.json_keys import distinct
from genir.files import csv_text, provenance
from genir.files.damage import reading
from genir.files.fingerprint import sha256
from genir.files.full_disk import writing

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary sibling of `path` that takes its name when the block ends without error.
    Provenance is left to the caller."""
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(path)
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path | str) -> Iterator[Path]:
    """Like `atomic_path`, for a folder, which holds its provenance; a folder already at `path` is
    replaced."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(path)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        try:
            _accompany(temporary)
            yield temporary
            _accompany(temporary)
            shutil.rmtree(path, ignore_errors=True)
            os.replace(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _clear_leftovers(path: Path) -> None:
    """Remove what a killed process that wrote `path` has left."""
    left = re.compile(rf"\.{re.escape(path.stem)}\.\d+{re.escape(path.suffix)}")
    for name in filter(left.fullmatch, _hidden_at_first(path.parent)):
        leftover = path.with_name(name)
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


@cache
def _hidden_at_first(folder: Path) -> list[str]:
    """Hidden files that were in a folder before this process wrote there."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def _accompany(folder: Path) -> None:
    """Write its provenance into a folder, with the digests of the files that it holds by now."""
    if provenance.is_carried():
        within = folder / provenance.FOLDER_FILE
        files = sorted(path for path in folder.iterdir() if path.is_file() and path != within)
        within.write_text(provenance.document({path.name: sha256(path) for path in files}))


@contextmanager
def accompanied_path(path: Path | str) -> Iterator[Path]:
    """Like `atomic_path`, for a file that cannot hold its provenance: unless its folder does, that
    lies beside it, and is there first."""
    path = Path(path)
    with atomic_path(path) as temporary:
        yield temporary
        within, beside = path.parent / provenance.FOLDER_FILE, provenance.sidecar(path)
        if provenance.is_carried() and provenance.digests_of_process(within) is None:
            digests = provenance.digests_of_process(beside) or {}
            digests |= {path.name: sha256(temporary)}
            with atomic_path(beside) as file:
                file.write_text(provenance.document(digests))


def write_text(path: Path | str, text: str) -> None:
    with accompanied_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path | str) -> Any:
    """Like the other readers, raises DamagedFileError for a file below results/ that is not as it
    was written."""
    with reading(path):
        text = Path(path).read_text(encoding="utf-8")
        return json.loads(text, object_pairs_hook=distinct)


def read_parquet(path: Path | str, columns: list[str] | None = None) -> "pd.DataFrame":
    import pandas as pd

    with reading(path):
        return pd.read_parquet(path, columns=columns, page_checksum_verification=True)


def read_csv(path: Path | str, numbers: Collection[str] = csv_text.NUMBERS) -> "pd.DataFrame":
    """Text as it stands but in the columns called as in `numbers` (`csv_text.py`)."""
    with reading(path):
        return csv_text.read(path, numbers)


def write_jsonl(path: Path | str, records: Iterable[dict[str, Any]]) -> None:
    lines = (json.dumps(record, ensure_ascii=False) for record in records)
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_jsonl(path: Path | str) -> Iterator[dict[str, Any]]:
    with reading(path), open(path, encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def write_parquet(path: Path | str, frame: "pd.DataFrame") -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    if (text := provenance.metadata()) is not None:
        held = table.schema.metadata | {provenance.METADATA_KEY.encode(): text.encode()}
        table = table.replace_schema_metadata(held)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, write_page_checksum=True)


def write_csv(path: Path | str, frame: "pd.DataFrame") -> None:
    with accompanied_path(path) as temporary:
        frame.to_csv(temporary, index=False, quoting=csv_text.quoting(frame))
