"""Tabulate the cosines of late outputs with Stage I's MLPs."""

from pathlib import Path

from genir.tables.late_cosines import late_cosines_table, shown
from genir.tables.markdown import write_table
from genir.tables.provenance import NO_RANK, heading
from script import run


def main(
    files: dict[str, Path],
    clean: dict[str, Path],
    stages: dict[str, Path],
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate the cosines of late outputs with Stage I's MLPs.

    Args:
        files: model -> the file that the rule late_cosines wrote.
        clean: model -> ranks of every validation query in the unmodified model.
        stages: model -> its stages (JSON).
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = late_cosines_table(files, clean, stages, seed)
    write_table(frame, shown(frame), heading(manifests, NO_RANK), table, text)


if __name__ == "__main__":
    run(main)
