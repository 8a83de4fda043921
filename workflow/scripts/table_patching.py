"""Tabulate patching of single layers and components."""

from pathlib import Path

from genir.tables.markdown import write_table
from genir.tables.patching import Sweep, patching_table, shown
from genir.tables.provenance import VOCABULARY_RANK, heading
from script import run


def main(
    sweeps: list[Sweep],
    clean: dict[str, Path],
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate patching of single layers and components.

    Args:
        sweeps: the folders that patch_component wrote, one a model.
        clean: model -> ranks of every validation query in the unmodified model.
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    files = [file for sweep in sweeps for file in sweep.files()]
    frame = patching_table(files, clean, seed)
    write_table(frame, shown(frame), heading(manifests, VOCABULARY_RANK), table, text)


if __name__ == "__main__":
    run(main)
