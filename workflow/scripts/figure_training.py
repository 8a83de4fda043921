"""Draw the loss curves of all fine-tuned models."""

from pathlib import Path

from genir.figures.style import read_table, save_figure
from genir.figures.training import training_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw the loss curves of all fine-tuned models.

    Args:
        table: CSV of table_training.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(training_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
