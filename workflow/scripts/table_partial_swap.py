"""Tabulate what each part of the pre-trained encoder does inside a model's own."""

from pathlib import Path

from genir.tables.markdown import write_table
from genir.tables.partial_swap import PartFile, partial_swap_table, shown
from genir.tables.provenance import VOCABULARY_RANK, heading
from script import run


def main(
    files: list[PartFile],
    correct: dict[str, Path],
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate what each part of the pre-trained encoder does inside a model's own.

    Args:
        files: ranks of every validation query, one file a model and part.
        correct: model -> its correct queries (CSV).
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = partial_swap_table(files, correct, seed)
    write_table(frame, shown(frame), heading(manifests, VOCABULARY_RANK), table, text)


if __name__ == "__main__":
    run(main)
