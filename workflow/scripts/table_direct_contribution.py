"""Tabulate what components of one kind write alone."""

from pathlib import Path

from genir.tables import paper
from genir.tables.direct_contribution import direct_contribution_table, shown
from genir.tables.markdown import write_table
from genir.tables.provenance import VOCABULARY_RANK, heading
from script import run


def main(
    files: dict[str, Path],
    clean: dict[str, Path],
    paper_in_text: Path,
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate what components of one kind write alone.

    Args:
        files: model -> the file that the rule direct_contribution wrote.
        clean: model -> ranks of every validation query in the unmodified model.
        paper_in_text: resources/paper/in_text_numbers.csv.
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = direct_contribution_table(files, clean, seed)
    cells = shown(frame, paper.direct_contribution(paper_in_text))
    write_table(frame, cells, heading(manifests, VOCABULARY_RANK), table, text)


if __name__ == "__main__":
    run(main)
