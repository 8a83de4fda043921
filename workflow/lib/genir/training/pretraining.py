"""Pre-training of a small T5, by span corruption or prefix language modelling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from genir.base.seeding import EpochSampler, generator
from genir.engine.devices import Precision, product_type, seed_torch
from genir.engine.dropout import dropout
from genir.engine.teacher_forcing import TeacherForcing
from genir.files.checkpoint import Checkpoint
from genir.models.tokenizer import sentinel_tokens
from genir.training.loop import NO_SNAPSHOTS, train
from genir.training.prefix_lm import prefix_split
from genir.training.seq2seq import part_of_loss
from genir.training.snapshots import Snapshots
from genir.training.span_corruption import corrupt, noise_mask

MINIMUM_TOKENS = 8
Objective = Literal["span_corruption", "prefix_lm"]


@dataclass(frozen=True)
class PretrainingConfig:
    """How a mini-T5 is pre-trained; lengths in tokens. A batch is computed in `accumulation` parts,
    one after the other or shared by processes. `noise_density` and `mean_span` are those of span
    corruption."""

    seed: int
    steps: int
    batch_size: int
    chunk_tokens: int
    noise_density: float
    mean_span: float
    dropout_rate: float
    learning_rate: float
    warmup_steps: int
    decay_fraction: float
    checkpoint_every: int
    accumulation: int = 1
    precision: Precision = "auto"
    objective: Objective = "span_corruption"


def small_t5_config(
    shape: dict[str, int], dropout_rate: float, tokenizer: PreTrainedTokenizerFast
) -> T5Config:
    """A ReLU, tied T5 of the given shape, with T5's special tokens."""
    return T5Config(
        vocab_size=len(tokenizer),
        **shape,
        dropout_rate=dropout_rate,
        feed_forward_proj="relu",
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )


def chunk_texts(
    texts: list[str], tokenizer: PreTrainedTokenizerFast, chunk_tokens: int
) -> list[np.ndarray]:
    """Token ids of every text in pieces of `chunk_tokens`; pieces under 8 tokens are dropped."""
    encoded = tokenizer(texts, add_special_tokens=False)["input_ids"]
    pieces = [
        np.array(ids[i : i + chunk_tokens])
        for ids in encoded
        for i in range(0, len(ids), chunk_tokens)
    ]
    return [piece for piece in pieces if len(piece) >= MINIMUM_TOKENS]


def task_pairs(
    pieces: Sequence[np.ndarray],
    config: PretrainingConfig,
    sentinels: list[int],
    end: int,
    rng: np.random.Generator,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Encoder inputs and decoder targets of a batch, with the tokens of sentinels and end."""

    def pair(piece: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if config.objective == "prefix_lm":
            return prefix_split(piece, end, rng)
        mask = noise_mask(len(piece), config.noise_density, config.mean_span, rng)
        return corrupt(piece, mask, sentinels, end)

    pairs = [pair(piece) for piece in pieces]
    return [source for source, _ in pairs], [target for _, target in pairs]


def pretrain(
    model: T5ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    pieces: list[np.ndarray],
    config: PretrainingConfig,
    checkpoint: Checkpoint,
    snapshots: Snapshots = NO_SNAPSHOTS,
    until: int | None = None,
) -> list[dict[str, float]]:
    """Train `model` in place, continuing from `checkpoint` where there is one; the loss curve.
    `snapshots` are kept on the way; with `until` it ends after that many steps."""
    sample = EpochSampler(len(pieces), config.batch_size, config.seed, "pretraining-order")
    forced = TeacherForcing(model, product_type(config.precision, model.device))
    sentinels, end = sentinel_tokens(tokenizer), tokenizer.eos_token_id

    def losses(step: int, part: int) -> dict[str, torch.Tensor]:
        rng = generator(config.seed, "pretraining-noise", step)
        rows = [pieces[i] for i in sample(step)]
        inputs, targets = task_pairs(rows, config, sentinels, end, rng)
        drop = dropout(config.dropout_rate, config.seed, "pretraining-dropout", step, part)
        seed_torch(config.seed, "pretraining-dropout", step * config.accumulation + part)
        return {"loss": part_of_loss(forced, inputs, targets, part, config.accumulation, drop)}

    return train(model, losses, config, checkpoint, "pre-training", snapshots, until)
