"""Draw the ranks by the outputs of one kind of component alone."""

from pathlib import Path

from genir.figures.direct_contribution import direct_contribution_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw the ranks by the outputs of one kind of component alone.

    Args:
        table: CSV of table_direct_contribution.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(direct_contribution_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
