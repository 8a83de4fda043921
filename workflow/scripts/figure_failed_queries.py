"""Draw the analyses for queries the model answers and for those it does not."""

from pathlib import Path

from genir.figures.failed_queries import failed_queries_figure
from genir.figures.style import read_table, save_figure
from genir.tables.stages import read_stages
from script import run


def main(table: Path, stages: dict[str, Path], stem: Path, formats: list[str], dpi: int) -> None:
    """Draw the analyses for queries the model answers and for those it does not.

    Args:
        table: CSV of table_failed_queries.
        stages: model -> its stages (JSON), whose status the titles say.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    used = {model: read_stages(path) for model, path in stages.items()}
    save_figure(failed_queries_figure(read_table(table), used), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
