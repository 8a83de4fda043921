"""Say of every held-out query of a dataset how much of it training could have memorised."""

from pathlib import Path

import pandas as pd

from genir.corpora.query_slices import query_slices
from genir.corpora.trec import read_qrels
from genir.files.io import read_parquet, write_json, write_parquet
from script import run


def main(
    queries: Path,
    train_qrels: Path,
    validation_qrels: Path,
    test_qrels: Path,
    output: Path,
    record: Path,
) -> None:
    """Say of every held-out query of a dataset how much of it training could have memorised.

    Args:
        queries: the dataset's queries (Parquet).
        train_qrels: TREC qrels of the training queries.
        validation_qrels: TREC qrels of the validation queries.
        test_qrels: TREC qrels of the test queries.
        output: the slices of every held-out query (Parquet), to write.
        record: boundaries and sizes of the slices (JSON), to write.
    """
    held_out = pd.concat([read_qrels(validation_qrels), read_qrels(test_qrels)])
    table, said = query_slices(read_parquet(queries), read_qrels(train_qrels), held_out)
    write_json(record, said)
    write_parquet(output, table)


if __name__ == "__main__":
    run(main)
