"""Tabulate who triggers whom."""

from pathlib import Path

from genir.tables.communication import communication_table, shown
from genir.tables.markdown import write_table
from genir.tables.provenance import NO_RANK, heading
from script import run

NOTE = "Shares are 0 to 1."


def main(
    files: dict[str, Path],
    clean: dict[str, Path],
    stages: dict[str, Path],
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate who triggers whom.

    Args:
        files: model -> the file that the rule communication wrote.
        clean: model -> ranks of every validation query in the unmodified model.
        stages: model -> its stages (JSON).
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = communication_table(files, clean, stages, seed)
    first_line = f"{heading(manifests, NO_RANK)} {NOTE}"
    write_table(frame, shown(frame), first_line, table, text)


if __name__ == "__main__":
    run(main)
