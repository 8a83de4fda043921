"""Tabulate how many heads are among the largest sources of Stage III neurons."""

from pathlib import Path

from genir.tables.markdown import write_table
from genir.tables.provenance import NO_RANK, heading
from genir.tables.top_heads import shown, top_heads_table
from script import run


def main(
    files: dict[str, Path],
    clean: dict[str, Path],
    stages: dict[str, Path],
    manifests: list[Path],
    table: Path,
    text: Path,
) -> None:
    """Tabulate how many heads are among the largest sources of Stage III neurons.

    Args:
        files: model -> the file that the rule top_heads wrote.
        clean: model -> ranks of every validation query in the unmodified model.
        stages: model -> its stages (JSON).
        manifests: manifest.json of every dataset the models belong to.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = top_heads_table(files, clean, stages)
    write_table(frame, shown(frame), heading(manifests, NO_RANK), table, text)


if __name__ == "__main__":
    run(main)
