"""Draw the retrieval quality of all systems."""

from pathlib import Path

from genir.figures.retrieval import retrieval_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw the retrieval quality of all systems.

    Args:
        table: CSV of table_retrieval.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(retrieval_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
