"""Collect the loss curves of all fine-tuned models."""

from pathlib import Path

from genir.tables.markdown import write_table
from genir.tables.provenance import NO_RANK, heading
from genir.tables.training import CurveFile, shown, training_table
from script import run


def main(files: list[CurveFile], manifests: list[Path], table: Path, text: Path) -> None:
    """Collect the loss curves of all fine-tuned models.

    Args:
        files: loss curves, one a model; a reduced model is named <model>/<reduced model>.
        manifests: manifest.json of every dataset the models belong to.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = training_table(files)
    first_line = f"{heading(manifests, NO_RANK)} Last logged step of each curve."
    write_table(frame, shown(frame), first_line, table, text)


if __name__ == "__main__":
    run(main)
