"""Draw the analyses for queries the model answers and for those it does not."""

from pathlib import Path

from genir.figures.failed_queries import failed_queries_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw the analyses for queries the model answers and for those it does not.

    Args:
        table: CSV of table_failed_queries.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(failed_queries_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
