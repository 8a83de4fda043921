"""Fine-tuning a T5 to predict an atomic docid in one decoder step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer
from torch.nn import functional

from genir.base.errors import AnalysisError
from genir.base.joins import check_known, looked_up
from genir.base.seeding import EpochSampler
from genir.corpora.dataset import document_text
from genir.engine.devices import Precision, product_type, seed_torch
from genir.engine.dropout import Dropout
from genir.engine.one_step import OneStep
from genir.files.checkpoint import Checkpoint
from genir.models.tokens import truncated_tokens
from genir.training.loop import train
from genir.training.trainable import trained_parts


@dataclass(frozen=True)
class FinetuningConfig:
    """How a model is fine-tuned; `indexing_ratio` is indexing examples per retrieval example. A
    batch is computed in `accumulation` parts, one after the other or shared by processes. Rows of
    docids have the `learning_rate` of all else where they have none of their own. `trainable` are
    the parts of the model (`genir.base.parts`) that are trained."""

    seed: int
    steps: int
    batch_size: int
    indexing_ratio: float
    document_tokens: int
    query_tokens: int
    dropout_rate: float
    learning_rate: float
    warmup_steps: int
    decay_fraction: float
    precision: Precision
    accumulation: int
    gradient_checkpointing: bool
    checkpoint_every: int
    docid_learning_rate: float | None = None
    trainable: list[str] | Literal["all"] = "all"

    @property
    def rate_of_docids(self) -> float:
        """Of their rows in the token embedding and the output projection."""
        return self.learning_rate if self.docid_learning_rate is None else self.docid_learning_rate

    def halves(self) -> dict[str, int]:
        """How many examples of a batch are of each task; both occur unless the ratio is 0."""
        indexing = round(self.batch_size * self.indexing_ratio / (1 + self.indexing_ratio))
        if self.indexing_ratio > 0:
            indexing = int(np.clip(indexing, 1, self.batch_size - 1))
        halves = {"indexing": indexing, "retrieval": self.batch_size - indexing}
        return {task: size for task, size in halves.items() if size}


@dataclass(frozen=True)
class Examples:
    """Encoder inputs (token ids, end token included) and the docid token each must predict."""

    inputs: list[np.ndarray]
    labels: np.ndarray


def indexed_texts(documents: pd.DataFrame, generated: pd.DataFrame | None = None) -> pd.DataFrame:
    """doc_id and text of what is indexed: `documents`, or the `generated` queries of theirs."""
    if generated is None:
        return pd.DataFrame({"doc_id": documents["doc_id"], "text": document_text(documents)})
    return generated[generated["doc_id"].isin(documents["doc_id"])]


def build_examples(
    documents: pd.DataFrame,
    pairs: pd.DataFrame,
    docids: dict[str, int],
    tokenizer: Tokenizer,
    config: FinetuningConfig,
    generated: pd.DataFrame | None = None,
) -> dict[str, Examples]:
    """Indexing examples from `documents` or from the `generated` queries (doc_id, text) of theirs,
    retrieval examples from `pairs` (text, doc_id)."""
    indexed = indexed_texts(documents, generated)
    indexing = truncated_tokens(indexed["text"], tokenizer, config.document_tokens)
    retrieval = truncated_tokens(pairs["text"], tokenizer, config.query_tokens)
    labels = [
        looked_up(part["doc_id"], docids, "the docid mapping").to_numpy(np.int64)
        for part in (indexed, pairs)
    ]
    return {"indexing": Examples(indexing, labels[0]), "retrieval": Examples(retrieval, labels[1])}


def finetune(
    model: torch.nn.Module,
    examples: dict[str, Examples],
    config: FinetuningConfig,
    checkpoint: Checkpoint,
    first_docid: int,
) -> list[dict[str, float]]:
    """Train `model` in place by cross-entropy over the whole vocabulary; returns the loss curve.
    Its rows from `first_docid` on are those of docids.

    Raises ConfigError if it has no such part as `trainable` names.
    """
    samplers = {
        task: EpochSampler(len(examples[task].inputs), size, config.seed, task)
        for task, size in config.halves().items()
    }
    trained = trained_parts(model, first_docid, config.trainable, config.rate_of_docids)
    one_step = OneStep(model, trained.embedding, trained.head)
    device = one_step.encoder.device
    halved = product_type(config.precision, device) == torch.bfloat16

    def losses(step: int, part: int) -> dict[str, torch.Tensor]:
        rows = [(task, row) for task, sample in samplers.items() for row in sample(step)]
        places = np.array_split(np.arange(len(rows)), config.accumulation)[part]
        chosen = [rows[place] for place in places]
        inputs = [examples[task].inputs[row] for task, row in chosen]
        labels = torch.tensor([examples[task].labels[row] for task, row in chosen])
        drop = Dropout(config.dropout_rate, config.seed, "dropout", step, part)
        seed_torch(config.seed, "dropout", step, part)
        with torch.autocast(device.type, torch.bfloat16, enabled=halved):
            logits = one_step.logits(inputs, drop, config.gradient_checkpointing)
        each = functional.cross_entropy(logits.float(), labels.to(device), reduction="none")
        tasks = np.array([task for task, _ in chosen])
        return {"loss": each.sum() / len(rows)} | {
            f"{task}_loss": each.detach()[torch.from_numpy(tasks == task)].sum() / size
            for task, size in config.halves().items()
        }

    return train(model, losses, config, checkpoint, "fine-tuning", trained=trained)


def without_documents(
    documents: pd.DataFrame, pairs: pd.DataFrame, removed: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Documents and training pairs of a reduced model; the removed documents keep their docids.

    Raises AnalysisError if not every one of `removed` is a document, each once: the model would be
    taken for one trained without them.
    """
    check_known(removed, documents["doc_id"], "documents.parquet of the dataset")
    kept = documents[~documents["doc_id"].isin(removed)]
    if len(kept) != len(documents) - len(removed):
        raise AnalysisError(
            f"{len(removed)} documents are to be removed, {len(kept)} of {len(documents)} would be "
            "left; delete the folders results/removed_documents and results/subset_corpus and run "
            "snakemake again"
        )
    return kept, pairs[~pairs["doc_id"].isin(removed)]
