"""Draw Hits@1 behind other encoders."""

from pathlib import Path

from genir.figures.encoder_swap import encoder_swap_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw Hits@1 behind other encoders.

    Args:
        table: CSV of table_encoder_swap.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(encoder_swap_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
