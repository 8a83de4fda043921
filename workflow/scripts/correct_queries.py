"""List the validation queries whose relevant document the unmodified model puts first."""

from pathlib import Path

from genir.files.io import read_parquet, write_csv
from script import run


def main(ranks: Path, output: Path) -> None:
    """List the validation queries whose relevant document the unmodified model puts first.

    Args:
        ranks: ranks of the unmodified model on the validation queries (Parquet).
        output: CSV to write: query_id, doc_id.
    """
    correct = read_parquet(ranks).query("vocabulary_rank == 1")
    write_csv(output, correct[["query_id", "doc_id"]])


if __name__ == "__main__":
    run(main)
