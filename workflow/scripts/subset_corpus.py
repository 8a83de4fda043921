"""Draw a dataset from an exported corpus and split its queries."""

from pathlib import Path

from genir.corpus import read_exported
from genir.files import read_json, write_json, write_parquet
from genir.manifest import (
    DATASET_FORMAT,
    SEVERAL_RELEVANT,
    dataset_manifest,
    described,
    spelled_out,
    split_counts,
)
from genir.progress import LOGGER
from genir.subsets import DatasetConfig, alike_in_training, draw_dataset
from genir.trec import write_qrels
from script import run


def main(
    dataset: DatasetConfig,
    corpus_documents: Path,
    corpus_queries: Path,
    corpus_qrels: Path,
    corpus_manifest: Path,
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
        corpus_documents: documents of the corpus (Parquet).
        corpus_queries: queries of the corpus (Parquet).
        corpus_qrels: TREC qrels of the corpus.
        corpus_manifest: manifest of the corpus (JSON); its folder bears the name of the corpus.
        documents: documents to write (Parquet).
        queries: queries of all splits to write (Parquet).
        train_qrels: TREC qrels of the training queries to write.
        validation_qrels: TREC qrels of the validation queries to write.
        test_qrels: TREC qrels of the test queries to write.
        manifest: what came from where (JSON), to write.
    """
    corpus = read_exported(corpus_documents, corpus_queries, corpus_qrels)
    corpus_facts = read_json(corpus_manifest)
    drawn = draw_dataset(corpus, dataset, corpus_documents)
    outputs = {
        "documents": documents,
        "queries": queries,
        "train_qrels": train_qrels,
        "validation_qrels": validation_qrels,
        "test_qrels": test_qrels,
    }
    write_parquet(documents, drawn.documents)
    write_parquet(queries, drawn.queries)
    for split, table in drawn.qrels.items():
        write_qrels(outputs[f"{split}_qrels"], table)
    counts = {
        "documents": len(drawn.documents),
        **split_counts(drawn.queries),
        "relevant_pairs": sum(map(len, drawn.qrels.values())),
        "held_out_queries_alike_in_training": alike_in_training(drawn.queries),
        "in_corpus": {
            key: corpus_facts["counts"][key] for key in ("documents", "queries", "relevant_pairs")
        },
    }
    several = sum(
        int(table["query_id"].value_counts().gt(1).sum()) for table in drawn.qrels.values()
    )
    if several:
        counts["queries_of_several_documents"] = several
    inputs = {"documents": corpus_documents, "queries": corpus_queries, "qrels": corpus_qrels}
    own = {
        "split_mode": dataset.split,
        "seed": dataset.seed,
        "settings": vars(dataset),
        "format": DATASET_FORMAT,
        "counts": counts,
        "inputs": described(inputs),
        "outputs": described(outputs),
    }
    if several:
        own["several_relevant_documents"] = SEVERAL_RELEVANT
    write_json(manifest, dataset_manifest(corpus_facts, corpus_manifest.resolve().parent.name, own))
    LOGGER.info("%s", spelled_out(counts))


if __name__ == "__main__":
    run(main)
