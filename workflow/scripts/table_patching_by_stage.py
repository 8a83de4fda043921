"""Tabulate patching by stage, beside the study's values."""

from pathlib import Path

from genir.tables import paper
from genir.tables.markdown import write_table
from genir.tables.patching_by_stage import StageSweep, patching_by_stage_table, shown
from genir.tables.provenance import VOCABULARY_RANK, heading
from script import run


def main(
    sweeps: list[StageSweep],
    clean: dict[str, Path],
    stages: dict[str, Path],
    paper_patching: Path,
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate patching by stage, beside the study's values.

    Args:
        sweeps: the folders that patch_stage wrote, one a model.
        clean: model -> ranks of every validation query in the unmodified model.
        stages: model -> its stages (JSON).
        paper_patching: resources/paper/table3_stage_patching.csv.
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    published = paper.patching_by_stage(paper_patching)
    frame = patching_by_stage_table(
        [file for sweep in sweeps for file in sweep.files()], clean, stages, published, seed
    )
    write_table(frame, shown(frame), heading(manifests, VOCABULARY_RANK), table, text)


if __name__ == "__main__":
    run(main)
