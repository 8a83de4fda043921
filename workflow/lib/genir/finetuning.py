"""Fine-tuning a T5 to predict an atomic docid in one decoder step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn import functional
from transformers import PreTrainedTokenizerBase, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Attention

from genir.checkpoints import Checkpoint
from genir.seeding import EpochSampler
from genir.span_corruption import pad_rows
from genir.torch_seeding import seed_torch
from genir.training_loop import train


@dataclass(frozen=True)
class FinetuningConfig:
    """How a model is fine-tuned; `indexing_ratio` is indexing examples per retrieval example."""

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
    checkpoint_every: int

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


def truncated_tokens(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, tokens: int
) -> list[np.ndarray]:
    """Token ids of every text, cut to `tokens` with the end token kept."""
    encoded = tokenizer(list(texts), truncation=True, max_length=tokens)["input_ids"]
    return [np.array(ids) for ids in encoded]


def document_text(documents: pd.DataFrame) -> pd.Series:
    """The text that is indexed: title, then body."""
    return (documents["title"].str.strip() + ". " + documents["text"]).str.removeprefix(". ")


def build_examples(
    documents: pd.DataFrame,
    pairs: pd.DataFrame,
    docids: dict[str, int],
    tokenizer: PreTrainedTokenizerBase,
    config: FinetuningConfig,
) -> dict[str, Examples]:
    """Indexing examples from `documents`, retrieval examples from `pairs` (text, doc_id)."""
    indexing = truncated_tokens(document_text(documents), tokenizer, config.document_tokens)
    retrieval = truncated_tokens(pairs["text"], tokenizer, config.query_tokens)
    return {
        "indexing": Examples(indexing, documents["doc_id"].map(docids).to_numpy(np.int64)),
        "retrieval": Examples(retrieval, pairs["doc_id"].map(docids).to_numpy(np.int64)),
    }


def first_step_states(model: T5ForConditionalGeneration, inputs: list[np.ndarray]) -> torch.Tensor:
    """Decoder states `[example, d_model]` of the one step after the start token."""
    pad = model.config.pad_token_id
    ids = torch.from_numpy(pad_rows(inputs, pad))
    lengths = torch.tensor([len(row) for row in inputs])
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    memory = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    start = torch.full((len(ids), 1), model.config.decoder_start_token_id)
    return model.decoder(
        input_ids=start,
        encoder_hidden_states=memory,
        encoder_attention_mask=mask,
        use_cache=False,
    ).last_hidden_state[:, 0]


def output_logits(model: T5ForConditionalGeneration, states: torch.Tensor) -> torch.Tensor:
    """Logits over the whole vocabulary of decoder states after the final norm."""
    scale = model.config.d_model**-0.5 if model.config.scale_decoder_outputs else 1.0
    return model.lm_head(states * scale)


def finetune(
    model: T5ForConditionalGeneration,
    examples: dict[str, Examples],
    config: FinetuningConfig,
    checkpoint: Checkpoint,
) -> list[dict[str, float]]:
    """Train `model` in place by cross-entropy over the whole vocabulary; returns the loss curve.

    The two tasks are encoded apart, because queries are much shorter than documents.
    """
    samplers = {
        task: EpochSampler(len(examples[task].inputs), size, config.seed, task)
        for task, size in config.halves().items()
    }
    _set_dropout(model, config.dropout_rate)

    def losses(step: int) -> dict[str, torch.Tensor]:
        seed_torch(config.seed, "dropout", step)
        states, labels, sizes = [], [], []
        for task, sample in samplers.items():
            rows = sample(step)
            states.append(first_step_states(model, [examples[task].inputs[i] for i in rows]))
            labels.append(torch.from_numpy(examples[task].labels[rows]))
            sizes.append(len(rows))
        logits = output_logits(model, torch.cat(states))
        each = functional.cross_entropy(logits, torch.cat(labels), reduction="none")
        parts = dict(zip(samplers, each.detach().split(sizes), strict=True))
        return {"loss": each.mean()} | {f"{task}_loss": p.mean() for task, p in parts.items()}

    return train(model, losses, config, checkpoint, "fine-tuning")


def _set_dropout(model: T5ForConditionalGeneration, rate: float) -> None:
    """Dropout of embeddings, neurons and component outputs.

    Attention weights keep theirs at 0: with dropout they lose the fused attention kernel.
    """
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate
        elif isinstance(module, T5Attention):
            module.dropout = 0.0


def without_documents(
    documents: pd.DataFrame, pairs: pd.DataFrame, removed: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Documents and training pairs of a reduced model; the removed documents keep their docids."""
    return (
        documents[~documents["doc_id"].isin(removed)],
        pairs[~pairs["doc_id"].isin(removed)],
    )
