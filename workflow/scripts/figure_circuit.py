"""Draw the circuits, beside the study's values."""

from pathlib import Path

from genir.figures.circuit import circuit_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw the circuits, beside the study's values.

    Args:
        table: CSV of table_circuit.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(circuit_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
