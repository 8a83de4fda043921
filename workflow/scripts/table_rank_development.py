"""Tabulate the rank of the relevant document layer by layer."""

from pathlib import Path

from genir.tables.markdown import write_table
from genir.tables.provenance import heading
from genir.tables.rank_development import rank_development_table, shown
from script import run

RANK_KIND = "rank kind: both (vocabulary_rank_median, docid_rank_median); mean ranks: vocabulary"


def main(
    files: dict[str, Path],
    clean: dict[str, Path],
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate the rank of the relevant document layer by layer.

    Args:
        files: model -> the file that the rule rank_development wrote.
        clean: model -> ranks of every validation query in the unmodified model.
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = rank_development_table(files, clean, seed)
    write_table(frame, shown(frame), heading(manifests, RANK_KIND), table, text)


if __name__ == "__main__":
    run(main)
