"""Draw one figure from the table of its name."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from genir.analyses.used_stages import read_stages
from genir.base.entries import Entries
from genir.figures.style import read_table, save_figure
from script import run_entry

FIGURES = Entries("figure", "draw", ("figures",))


def main(
    draw: Callable[..., Figure],
    table: Path,
    stem: Path,
    formats: list[str],
    dpi: int,
    stages: dict[str, Path] | None = None,
) -> None:
    """Draw one figure from the table of its name.

    Args:
        draw: draws it.
        table: CSV of the table.
        stem: path of the figure without its suffix.
        formats: svg, png or pdf, one file each.
        dpi: dots per inch of png.
        stages: model -> its stages (JSON), which the figure shows or names.
    """
    used = {} if stages is None else {"stages": {m: read_stages(p) for m, p in stages.items()}}
    save_figure(draw(read_table(table), **used), stem, formats, dpi)


if __name__ == "__main__":
    run_entry(main, FIGURES)
