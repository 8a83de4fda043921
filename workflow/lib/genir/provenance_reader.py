"""Reading the provenance that an artifact carries (`provenance.py` says what and where)."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from genir.errors import ProvenanceError
from genir.provenance import DIGESTS, FOLDER_FILE, KEYS, METADATA_KEY, sidecar

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SVG_DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"


def read_provenance(path: Path) -> dict[str, Any]:
    """The provenance of a file, or of a folder that was written whole.

    Raises ProvenanceError if there is no such artifact or it has none.
    """
    if not path.exists():
        raise ProvenanceError(f"{path} does not exist; name an artifact below results/")
    for text in _candidates(path):
        value = _parsed(text)
        if isinstance(value, dict) and value.keys() - {DIGESTS} == set(KEYS):
            return {key: value[key] for key in KEYS}
    raise ProvenanceError(
        f"{path} carries no provenance; what this workflow's scripts write since version 0.4.0 "
        "does, so have Snakemake make it again"
    )


def _candidates(path: Path) -> Iterator[str]:
    """Texts that may be the provenance, the surest first."""
    if path.is_dir():
        yield from _content(path / FOLDER_FILE)
        return
    if path.suffix in _INSIDE:
        yield _INSIDE[path.suffix](path)
    yield from _content(sidecar(path))
    yield from _content(path.parent / FOLDER_FILE)


def _content(path: Path) -> Iterator[str]:
    if path.is_file():
        yield path.read_text(encoding="utf-8")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _of_parquet(path: Path) -> str:
    try:
        held = pq.read_metadata(path).metadata or {}
    except (OSError, ValueError) as error:
        raise ProvenanceError(f"{path} cannot be read as Parquet: {error}; make it again") from None
    return held.get(METADATA_KEY.encode(), b"").decode()


def _of_svg(path: Path) -> str:
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ProvenanceError(f"{path} cannot be read as SVG: {error}; make it again") from None
    return next((node.text or "" for node in root.iter(SVG_DESCRIPTION)), "")


def _of_png(path: Path) -> str:
    """The text chunk of our name. Chunks are: length, type, content, check sum."""
    content, place = path.read_bytes(), len(PNG_SIGNATURE)
    wanted = METADATA_KEY.encode() + b"\0"
    while place + 8 <= len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4])
        kind, chunk = content[place + 4 : place + 8], content[place + 8 : end]
        if kind == b"tEXt" and chunk.startswith(wanted):
            return chunk.removeprefix(wanted).decode("latin-1")
        place = end + 4
    return ""


def _of_pdf(path: Path) -> str:
    r"""The subject of the document, a string in parentheses in which \ escapes."""
    found = re.search(rb"/Subject \(((?:\\.|[^\\)])*)\)", path.read_bytes(), re.DOTALL)
    return re.sub(r"\\(.)", r"\1", found[1].decode("latin-1")) if found else ""


_INSIDE = {".parquet": _of_parquet, ".svg": _of_svg, ".png": _of_png, ".pdf": _of_pdf}
