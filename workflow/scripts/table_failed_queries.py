"""Tabulate every analysis for queries the model answers and for those it does not."""

from pathlib import Path

from genir.tables.failed_queries import (
    RankFiles,
    ViewTables,
    failed_queries_table,
    write_failed_queries,
)
from genir.tables.provenance import MIXED_RANKS, heading
from script import run


def main(
    tables: ViewTables,
    files: list[RankFiles],
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate every analysis for queries the model answers and for those it does not.

    Args:
        tables: CSV files of our tables that hold the views of the queries.
        files: files of ranks of each model.
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = failed_queries_table(tables, files, seed)
    write_failed_queries(frame, heading(manifests, MIXED_RANKS), table, text)


if __name__ == "__main__":
    run(main)
