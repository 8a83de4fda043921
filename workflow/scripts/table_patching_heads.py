"""Tabulate patching of single attention heads."""

from pathlib import Path

from genir.tables.markdown import write_table
from genir.tables.patching_heads import HeadSweep, patching_heads_table, shown
from genir.tables.provenance import VOCABULARY_RANK, heading
from script import run


def main(
    sweeps: list[HeadSweep],
    clean: dict[str, Path],
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate patching of single attention heads.

    Args:
        sweeps: the folders that patch_head wrote, one a model.
        clean: model -> ranks of every validation query in the unmodified model.
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = patching_heads_table(sweeps, clean, seed)
    write_table(frame, shown(frame), heading(manifests, VOCABULARY_RANK), table, text)


if __name__ == "__main__":
    run(main)
