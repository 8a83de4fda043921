"""Draw how many heads are among the largest sources of Stage III neurons."""

from pathlib import Path

from genir.figures.style import read_table, save_figure
from genir.figures.top_heads import top_heads_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw how many heads are among the largest sources of Stage III neurons.

    Args:
        table: CSV of table_top_heads.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(top_heads_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
