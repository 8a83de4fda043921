"""Draw patching by stage, beside the study's values."""

from pathlib import Path

from genir.figures.patching_by_stage import patching_by_stage_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw patching by stage, beside the study's values.

    Args:
        table: CSV of table_patching_by_stage.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(patching_by_stage_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
