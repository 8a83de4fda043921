"""Small random checkpoints of the model families as the hub holds them, and a dataset for them."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from plain_t5 import as_trained
from safetensors.torch import load_file, save_file
from tiny_text import WORDS, sentences, tiny_tokenizer
from transformers import (
    AutoModelForSeq2SeqLM,
    MT5Config,
    MT5ForConditionalGeneration,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
    UMT5Config,
    UMT5ForConditionalGeneration,
)

from genir.corpora.dataset import TrainingFiles
from genir.corpora.trec import write_qrels
from genir.models.start import Start
from genir.subjects.subject import QuerySource
from genir.training.finetuned_model import make_finetuned_model
from genir.training.finetuning import FinetuningConfig
from genir.training.outputs import FinetuningOutputs

INDEX = "model.safetensors.index.json"
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
CHECKPOINTS = {
    "t5": (T5ForConditionalGeneration, T5Config, {}),
    "flan-t5": (T5ForConditionalGeneration, T5Config, GATED),
    "mt5": (MT5ForConditionalGeneration, MT5Config, GATED),
    "umt5": (UMT5ForConditionalGeneration, UMT5Config, GATED),
}
UNTIED = ("flan-t5", "mt5", "umt5")
SPARE_ROWS = 8
DOCUMENTS = 12
SETTINGS = FinetuningConfig(
    seed=1, steps=12, batch_size=8, indexing_ratio=0.5, document_tokens=16, query_tokens=8,
    dropout_rate=0.1, learning_rate=0.03, warmup_steps=2, decay_fraction=0.2, precision="float32",
    accumulation=1, gradient_checkpointing=False, checkpoint_every=100,
)  # fmt: skip


def write_checkpoint(folder: Path, family: str, as_on_hub: bool = True) -> PreTrainedModel:
    """A random model of the class of its family, with more rows than its tokenizer has pieces.

    `as_on_hub`: config.json says whether the embeddings are tied; otherwise it says what
    transformers 5 writes, which is that they are.
    """
    model_class, config_class, settings = CHECKPOINTS[family]
    torch.manual_seed(0)
    config = config_class(
        vocab_size=len(tiny_tokenizer()) + SPARE_ROWS,
        d_model=16,
        d_ff=24,
        d_kv=4,
        num_heads=3,
        num_layers=2,
        num_decoder_layers=3,
        decoder_start_token_id=0,
        pad_token_id=0,
        **settings,
    )
    model = model_class(config).eval()
    if family in UNTIED:
        model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight))
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.data.uniform_(0.5, 1.5)
    if family == "umt5":
        as_trained(model)
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    if as_on_hub:
        path = folder / "config.json"
        saved = json.loads(path.read_text()) | {"tie_word_embeddings": family not in UNTIED}
        saved.pop("scale_decoder_outputs", None)
        path.write_text(json.dumps(saved))
    return model


def plain_model(folder: Path) -> PreTrainedModel:
    """A model as transformers loads it, before it scales the logits of a umT5."""
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    return as_trained(model) if model.config.model_type == "umt5" else model


def write_dataset(folder: Path) -> tuple[TrainingFiles, QuerySource]:
    """Twelve documents with a training and a validation query each."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = pd.DataFrame({"doc_id": [f"d{i:02d}" for i in range(DOCUMENTS)]})
    documents["title"] = [f"{WORDS[i]} {WORDS[i + 1]}" for i in range(DOCUMENTS)]
    documents["text"] = sentences(DOCUMENTS, seed=5)
    queries = pd.concat(
        [
            pd.DataFrame(
                {
                    "query_id": [f"{split}{i:02d}" for i in range(DOCUMENTS)],
                    "text": [" ".join(WORDS[i : i + 1 + i % 4]) for i in range(DOCUMENTS)],
                    "doc_id": documents["doc_id"],
                    "split": split,
                }
            )
            for split in ("train", "validation")
        ],
        ignore_index=True,
    )
    documents.to_parquet(folder / "documents.parquet")
    queries.to_parquet(folder / "queries.parquet")
    for split, rows in queries.groupby("split"):
        write_qrels(folder / f"qrels.{split}.txt", rows)
    training = TrainingFiles(
        folder / "documents.parquet", folder / "queries.parquet", folder / "qrels.train.txt"
    )
    validation = QuerySource(training.queries, folder / "qrels.validation.txt", "validation", 8)
    return training, validation


def write_finetuned(folder: Path, start: Start, **changed: object) -> tuple[Path, QuerySource]:
    """A model fine-tuned for a few steps: its folder and its validation queries."""
    training, validation = write_dataset(folder / "data")
    outputs = FinetuningOutputs(
        folder / "model", folder / "curve.csv", folder / "run.json", folder / "checkpoints"
    )
    make_finetuned_model(training, start, replace(SETTINGS, **changed), outputs)
    return outputs.model, validation


def change_config(folder: Path, **values: object) -> None:
    """Other values in config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def cut_into_shards(folder: Path, drop_index: bool = False) -> dict[str, str]:
    """Two files in place of one; the file of each tensor, as the index says it."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    shard_of = {}
    for number in (1, 2):
        part = dict(list(tensors.items())[number - 1 :: 2])
        file = f"model-0000{number}-of-00002.safetensors"
        save_file(part, folder / file, metadata={"format": "pt"})
        shard_of |= dict.fromkeys(part, file)
    if not drop_index:
        (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": shard_of}))
    return shard_of
