"""Tabulate how much every component contributes to the residual stream."""

from pathlib import Path

from genir.tables.contributions import contributions_table, shown
from genir.tables.markdown import write_table
from genir.tables.provenance import NO_RANK, heading
from script import run


def main(
    files: dict[str, Path],
    clean: dict[str, Path],
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate how much every component contributes to the residual stream.

    Args:
        files: model -> the file that the rule contributions wrote.
        clean: model -> ranks of every validation query in the unmodified model.
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = contributions_table(files, clean, seed)
    write_table(frame, shown(frame), heading(manifests, NO_RANK), table, text)


if __name__ == "__main__":
    run(main)
