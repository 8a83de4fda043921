"""Compare trainings of one model with several seeds."""

from pathlib import Path

from genir.tables.markdown import write_table
from genir.tables.provenance import MIXED_RANKS, heading
from genir.tables.seeds import SeedTables, seeds_table, shown
from script import run

NOTE = (
    "Between seeds: 95 % t interval of the mean over trainings that differ in the seed of "
    "fine-tuning. The CSV beside this file holds every number that all trainings have."
)


def main(
    tables: SeedTables,
    seeds: dict[str, list[int]],
    manifests: list[Path],
    table: Path,
    text: Path,
) -> None:
    """Compare trainings of one model with several seeds.

    Args:
        tables: CSV files of the tables whose rows are compared.
        seeds: model -> its seeds, its own first.
        manifests: manifest.json of every dataset the models belong to.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = seeds_table(tables, seeds)
    first_line = f"{heading(manifests, MIXED_RANKS)} {NOTE}"
    write_table(frame, shown(frame), first_line, table, text)


if __name__ == "__main__":
    run(main)
