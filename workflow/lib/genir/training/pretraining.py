"""Span-corruption pre-training of a small T5."""

from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from genir.base.seeding import EpochSampler, generator
from genir.engine.devices import seed_torch
from genir.files.checkpoint import Checkpoint
from genir.models.tokenizer import sentinel
from genir.models.tokens import pad_rows
from genir.training.loop import NO_SNAPSHOTS, train
from genir.training.seq2seq import IGNORED_LABEL, part_of_loss
from genir.training.snapshots import Snapshots
from genir.training.span_corruption import corrupt, noise_mask

MINIMUM_TOKENS = 8


@dataclass(frozen=True)
class PretrainingConfig:
    """How a mini-T5 is pre-trained; lengths in tokens. A batch is computed in `accumulation` parts,
    one after the other or shared by processes."""

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


def corrupted_batch(
    pieces: list[np.ndarray],
    config: PretrainingConfig,
    tokenizer: PreTrainedTokenizerFast,
    rng: np.random.Generator,
) -> dict[str, torch.Tensor]:
    """Padded inputs, attention mask and labels `[example, token]` of one batch."""
    names = [n for n in tokenizer.all_special_tokens if n.startswith("<extra_id_")]
    sentinels = [tokenizer.convert_tokens_to_ids(sentinel(i)) for i in range(len(names))]
    pairs = [
        corrupt(
            piece,
            noise_mask(len(piece), config.noise_density, config.mean_span, rng),
            sentinels,
            tokenizer.eos_token_id,
        )
        for piece in pieces
    ]
    inputs = torch.from_numpy(pad_rows([source for source, _ in pairs], tokenizer.pad_token_id))
    labels = torch.from_numpy(pad_rows([target for _, target in pairs], IGNORED_LABEL))
    mask = (inputs != tokenizer.pad_token_id).long()
    return {"input_ids": inputs, "attention_mask": mask, "labels": labels}


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

    def losses(step: int, part: int) -> dict[str, torch.Tensor]:
        rng = generator(config.seed, "pretraining-noise", step)
        batch = corrupted_batch([pieces[i] for i in sample(step)], config, tokenizer, rng)
        seed_torch(config.seed, "pretraining-dropout", step * config.accumulation + part)
        return {"loss": part_of_loss(model, batch, part, config.accumulation)}

    return train(model, losses, config, checkpoint, "pre-training", snapshots, until)
