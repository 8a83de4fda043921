"""Draw how much every component contributes to the residual stream."""

from pathlib import Path

from genir.figures.contributions import contributions_figure
from genir.figures.style import read_table, save_figure
from genir.tables.stages import read_stages
from script import run


def main(table: Path, stages: dict[str, Path], stem: Path, formats: list[str], dpi: int) -> None:
    """Draw how much every component contributes to the residual stream.

    Args:
        table: CSV of table_contributions.
        stages: model -> its stages (JSON), whose boundaries are drawn as vertical lines.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    used = {model: read_stages(path) for model, path in stages.items()}
    save_figure(contributions_figure(read_table(table), used), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
