"""Compare encoders before each model's decoder."""

from pathlib import Path

from genir.tables import paper
from genir.tables.encoder_swap import SwapFile, encoder_swap_table, shown
from genir.tables.markdown import write_table
from genir.tables.provenance import VOCABULARY_RANK, heading
from script import run

NOTE = "The paper's mean rank probably counts from 0, ours from 1."


def main(
    files: list[SwapFile],
    correct: dict[str, Path],
    removed: dict[str, Path],
    paper_swap: Path,
    paper_in_text: Path,
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Compare encoders before each model's decoder.

    Args:
        files: ranks of every validation query, one file a model and encoder.
        correct: model -> its correct queries (CSV).
        removed: model -> its removed documents (CSV); models without reduced models are left out.
        paper_swap: resources/paper/table2_encoder_swap.csv.
        paper_in_text: resources/paper/in_text_numbers.csv.
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    published = paper.encoder_swap(paper_swap, paper_in_text)
    frame = encoder_swap_table(files, correct, removed, published, seed)
    first_line = f"{heading(manifests, VOCABULARY_RANK)} {NOTE}"
    write_table(frame, shown(frame), first_line, table, text)


if __name__ == "__main__":
    run(main)
