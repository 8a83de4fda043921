"""Draw who triggers whom."""

from pathlib import Path

from genir.figures.communication import communication_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw who triggers whom.

    Args:
        table: CSV of table_communication.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(communication_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
