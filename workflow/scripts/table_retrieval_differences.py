"""Compare the headline model's retrieval with that of every other system, query by query."""

from pathlib import Path

from genir.tables.markdown import write_table
from genir.tables.provenance import heading
from genir.tables.retrieval_differences import SplitFiles, retrieval_differences, shown
from script import run

RANK_KIND = "rank kind: docid (runs hold documents only)"


def main(
    model: str,
    splits: list[SplitFiles],
    queries: Path,
    manifest: Path,
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Compare the headline model's retrieval with that of every other system, query by query.

    Args:
        model: the headline model.
        splits: qrels and TREC runs of every system, a split each.
        queries: the dataset's queries (Parquet).
        manifest: manifest.json of the dataset.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = retrieval_differences(model, splits, queries, seed)
    write_table(frame, shown(frame), heading([manifest], RANK_KIND), table, text)


if __name__ == "__main__":
    run(main)
