"""Compute the retrieval metrics of one system on the validation and test queries of a dataset."""

from pathlib import Path

import pandas as pd

from genir.analyses.run_metrics import retrieval_metrics
from genir.files.io import read_parquet, write_csv
from script import run


def main(
    system: str,
    dataset: str,
    split_mode: str,
    validation_run: Path,
    validation_qrels: Path,
    test_run: Path,
    test_qrels: Path,
    queries: Path,
    output: Path,
) -> None:
    """Compute the retrieval metrics of one system on the validation and test queries of a dataset.

    Args:
        system: name of the system that wrote the runs.
        dataset: name of the dataset.
        split_mode: how the dataset was split, query or document.
        validation_run: TREC run on the validation queries.
        validation_qrels: TREC qrels of the validation queries.
        test_run: TREC run on the test queries.
        test_qrels: TREC qrels of the test queries.
        queries: the dataset's queries (Parquet).
        output: CSV to write, a row per split, slice and metric.
    """
    table = read_parquet(queries)
    files = {"validation": (validation_run, validation_qrels), "test": (test_run, test_qrels)}
    parts = []
    for split, (run_file, qrels) in files.items():
        part = retrieval_metrics(run_file, qrels, table[table["split"] == split])
        part.insert(0, "split", split)
        parts.append(part)
    metrics = pd.concat(parts, ignore_index=True)
    for column, name in (("split_mode", split_mode), ("dataset", dataset), ("system", system)):
        metrics.insert(0, column, name)
    write_csv(output, metrics)


if __name__ == "__main__":
    run(main)
