"""All that the training scripts read, small enough for a training of a fraction of a second."""

import json
from pathlib import Path

import pandas as pd
from tiny_text import sentences, tiny_tokenizer
from transformers import T5ForConditionalGeneration

from genir.corpora.dataset import TrainingFiles
from genir.corpora.trec import write_qrels
from genir.training.finetuning import FinetuningConfig
from genir.training.pretraining import small_t5_config

SHAPE = {"d_model": 16, "d_ff": 32, "d_kv": 8, "num_heads": 2, "num_layers": 1}
SHAPE |= {"num_decoder_layers": 3}
SCHEDULE = {"seed": 1, "steps": 9, "learning_rate": 0.03, "warmup_steps": 2}
SCHEDULE |= {"decay_fraction": 0.2, "dropout_rate": 0.2, "checkpoint_every": 2}
LENGTHS = {"document_tokens": 16, "query_tokens": 8}
FINETUNING = FinetuningConfig(
    **SCHEDULE,
    **LENGTHS,
    **{"batch_size": 4, "indexing_ratio": 1.0, "precision": "float32"},
    **{"accumulation": 1, "gradient_checkpointing": False, "docid_learning_rate": 0.06},
)


def write_inputs(folder: Path) -> Path:
    """A dataset as subset_corpus writes it, a start, text, and documents that are removed."""
    model = T5ForConditionalGeneration(small_t5_config(SHAPE, 0.2, tiny_tokenizer()))
    for saved in (model, tiny_tokenizer()):
        saved.save_pretrained(folder / "start")
    texts, doc_ids = sentences(6, seed=3), list("abcdef")
    documents = pd.DataFrame({"doc_id": doc_ids, "title": "", "text": texts})
    queries = {"query_id": [f"q{i}" for i in range(6)], "text": [text[-12:] for text in texts]}
    training = pd.DataFrame(queries | {"doc_id": doc_ids, "split": "train"})
    documents.to_parquet(folder / "documents.parquet")
    training.to_parquet(folder / "queries.parquet")
    write_qrels(folder / "qrels.txt", training)
    pd.DataFrame({"set": [1], "doc_id": ["b"], "query_id": ["q1"]}).to_csv(folder / "removed.csv")
    lines = (json.dumps({"text": text}) + "\n" for text in sentences(20, seed=4))
    (folder / "text.jsonl").write_text("".join(lines))
    return folder


def training_files(folder: Path) -> TrainingFiles:
    names = ("documents.parquet", "queries.parquet", "qrels.txt")
    return TrainingFiles(*(folder / name for name in names))
