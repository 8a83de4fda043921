"""Draw what parts of the pre-trained encoder do inside a model's own."""

from pathlib import Path

from genir.figures.partial_swap import partial_swap_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw what parts of the pre-trained encoder do inside a model's own.

    Args:
        table: CSV of table_partial_swap.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(partial_swap_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
