"""Draw a dataset from an exported corpus and split its queries."""

from pathlib import Path

from genir.base.progress import LOGGER
from genir.corpora.drawn_dataset import CorpusFolder, write_dataset
from genir.corpora.manifest import spelled_out
from genir.corpora.subset import DatasetConfig
from script import run


def main(
    dataset: DatasetConfig,
    corpus: CorpusFolder,
    documents: Path,
    queries: Path,
    train_qrels: Path,
    validation_qrels: Path,
    test_qrels: Path,
    manifest: Path,
) -> None:
    """Draw a dataset from an exported corpus and split its queries.

    Args:
        dataset: how many documents are drawn and what is held out.
        corpus: files of the corpus.
        documents: documents to write (Parquet).
        queries: queries of all splits to write (Parquet).
        train_qrels: TREC qrels of the training queries to write.
        validation_qrels: TREC qrels of the validation queries to write.
        test_qrels: TREC qrels of the test queries to write.
        manifest: what came from where (JSON), to write.
    """
    outputs = {
        "documents": documents,
        "queries": queries,
        "train_qrels": train_qrels,
        "validation_qrels": validation_qrels,
        "test_qrels": test_qrels,
    }
    LOGGER.info("%s", spelled_out(write_dataset(dataset, corpus, outputs, manifest)))


if __name__ == "__main__":
    run(main)
