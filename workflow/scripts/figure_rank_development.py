"""Draw the rank of the relevant document layer by layer."""

from pathlib import Path

from genir.figures.rank_development import rank_development_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw the rank of the relevant document layer by layer.

    Args:
        table: CSV of table_rank_development.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(rank_development_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
