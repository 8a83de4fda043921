"""Tabulate the circuits, beside the study's values."""

from pathlib import Path

from genir.tables import paper
from genir.tables.circuit import CircuitFiles, circuit_table, shown
from genir.tables.markdown import write_table
from genir.tables.provenance import VOCABULARY_RANK, heading
from script import run


def main(
    files: list[CircuitFiles],
    paper_circuit: Path,
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate the circuits, beside the study's values.

    Args:
        files: what circuit and evaluate wrote, one entry a model.
        paper_circuit: resources/paper/table4_circuit.csv.
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = circuit_table(files, paper.circuit(paper_circuit), seed)
    write_table(frame, shown(frame), heading(manifests, VOCABULARY_RANK), table, text)


if __name__ == "__main__":
    run(main)
