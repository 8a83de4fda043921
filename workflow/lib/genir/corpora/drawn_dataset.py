"""A dataset drawn from a corpus, as files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genir.corpora.corpus import read_exported
from genir.corpora.manifest import (
    DATASET_FORMAT,
    SEVERAL_RELEVANT,
    dataset_manifest,
    described,
    split_counts,
)
from genir.corpora.subset import DatasetConfig, alike_in_training, draw_dataset
from genir.corpora.trec import write_qrels
from genir.files.io import read_json, write_json, write_parquet


@dataclass(frozen=True)
class CorpusFolder:
    """Files of a corpus; the folder of the manifest bears its name."""

    documents: Path
    queries: Path
    qrels: Path
    manifest: Path


def write_dataset(
    settings: DatasetConfig, corpus: CorpusFolder, outputs: dict[str, Path], manifest: Path
) -> dict[str, Any]:
    """Draw a dataset and write documents, queries and the qrels of each split, to the `outputs` of
    these names, and what came from where; its counts."""
    found = read_exported(corpus.documents, corpus.queries, corpus.qrels)
    facts = read_json(corpus.manifest)
    drawn = draw_dataset(found, settings, corpus.documents)
    write_parquet(outputs["documents"], drawn.documents)
    write_parquet(outputs["queries"], drawn.queries)
    for split, table in drawn.qrels.items():
        write_qrels(outputs[f"{split}_qrels"], table)
    counts = {
        "documents": len(drawn.documents),
        **split_counts(drawn.queries),
        "relevant_pairs": sum(map(len, drawn.qrels.values())),
        "held_out_queries_alike_in_training": alike_in_training(drawn.queries),
        "in_corpus": {
            key: facts["counts"][key] for key in ("documents", "queries", "relevant_pairs")
        },
    }
    relevant = [table["query_id"].value_counts() for table in drawn.qrels.values()]
    several = sum(int((counted > 1).sum()) for counted in relevant)
    if several:
        counts["queries_of_several_documents"] = several
    inputs = {key: getattr(corpus, key) for key in ("documents", "queries", "qrels")}
    own = {
        "split_mode": settings.split,
        "seed": settings.seed,
        "settings": vars(settings),
        "format": DATASET_FORMAT,
        "counts": counts,
        "inputs": described(inputs),
        "outputs": described(outputs),
    }
    if several:
        own["several_relevant_documents"] = SEVERAL_RELEVANT
    name = corpus.manifest.resolve().parent.name
    write_json(manifest, dataset_manifest(facts, name, own))
    return counts
