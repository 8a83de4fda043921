"""Generate the queries that stand in for documents in indexing, or take them from a file."""

from pathlib import Path

from genir.base.progress import LOGGER
from genir.training.doc2query.generate import Dataset, from_file, from_model
from genir.training.doc2query.sample import Sampling
from script import run


def main(
    documents: Path,
    queries: Path,
    source: Path,
    drop_held_out: bool,
    output: Path,
    manifest: Path,
    sampling: Sampling | None = None,
    checkpoints: Path | None = None,
) -> None:
    """Generate the queries that stand in for documents in indexing, or take them from a file.

    Args:
        documents: documents of the dataset (Parquet).
        queries: queries of all splits of the dataset (Parquet).
        source: folder of a document-to-query T5, which needs sampling and checkpoints; or a file
            of queries that were generated elsewhere (JSON Lines or Parquet: doc_id, text).
        drop_held_out: leave out generated queries that equal a validation or test query.
        output: generated queries to write (Parquet: doc_id, text).
        manifest: what came from where, how much was left out (JSON), to write.
        sampling: how queries are drawn from the model.
        checkpoints: folder to resume from; removed when all queries are there.
    """
    dataset = Dataset(documents, queries, drop_held_out)
    if sampling is None:
        counts = from_file(source, dataset, output, manifest)
    else:
        counts = from_model(source, sampling, checkpoints, dataset, output, manifest)
    LOGGER.info("%(queries)d queries of %(documents)d documents", counts)


if __name__ == "__main__":
    run(main)
