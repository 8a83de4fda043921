"""Draw the cosines of late outputs with Stage I's MLPs."""

from pathlib import Path

from genir.figures.late_cosines import late_cosines_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw the cosines of late outputs with Stage I's MLPs.

    Args:
        table: CSV of table_late_cosines.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(late_cosines_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
