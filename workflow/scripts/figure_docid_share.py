"""Draw the share of docid tokens among what cross-attention heads say."""

from pathlib import Path

from genir.figures.docid_share import docid_share_figure
from genir.figures.style import read_table, save_figure
from script import run


def main(table: Path, stem: Path, formats: list[str], dpi: int) -> None:
    """Draw the share of docid tokens among what cross-attention heads say.

    Args:
        table: CSV of table_docid_share.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
    """
    save_figure(docid_share_figure(read_table(table)), stem, formats, dpi)


if __name__ == "__main__":
    run(main)
