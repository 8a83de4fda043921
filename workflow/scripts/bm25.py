"""Rank the documents of a dataset with BM25."""

from pathlib import Path
from typing import Literal

from genir.analyses.bm25 import document_texts, rank_documents
from genir.corpora.dataset import TrainingFiles
from genir.corpora.trec import write_run
from genir.files.io import read_parquet
from script import run


def main(
    documents: Path,
    queries: Path,
    train_qrels: Path,
    variant: Literal["bm25_text", "bm25_text_queries"],
    depth: int,
    validation_run: Path,
    test_run: Path,
) -> None:
    """Rank the documents of a dataset with BM25.

    Args:
        documents: documents of the dataset (Parquet).
        queries: queries of the dataset (Parquet).
        train_qrels: TREC qrels of the training queries.
        variant: bm25_text (title and text) or bm25_text_queries (and the training queries).
        depth: how many documents a run lists per query.
        validation_run: TREC run of the validation queries to write.
        test_run: TREC run of the test queries to write.
    """
    table, training = TrainingFiles(documents, queries, train_qrels).read()
    texts = document_texts(table, training, with_queries=variant == "bm25_text_queries")
    all_queries = read_parquet(queries, columns=["query_id", "text", "split"])
    for split, path in (("validation", validation_run), ("test", test_run)):
        rows = all_queries[all_queries["split"] == split]
        ranking = rank_documents(list(table["doc_id"]), texts, rows["text"], depth)
        write_run(path, rows["query_id"], ranking, variant)


if __name__ == "__main__":
    run(main)
