"""Draw patching of single attention heads."""

from pathlib import Path

from genir.figures.patching_heads import patching_heads_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw patching of single attention heads.

    Args:
        table: CSV of table_patching_heads.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(patching_heads_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
