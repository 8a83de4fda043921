"""Prefix language modelling, and the loss of a pre-training with it beside plain Hugging Face."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from tiny_text import sentences, tiny_tokenizer
from tiny_training import SCHEDULE, SHAPE
from transformers import T5ForConditionalGeneration

from genir.base.seeding import EpochSampler, generator
from genir.files.checkpoint import Checkpoint
from genir.models.tokens import pad_rows
from genir.training.prefix_lm import prefix_split
from genir.training.pretraining import (
    PretrainingConfig,
    chunk_texts,
    pretrain,
    small_t5_config,
    task_pairs,
)

pytestmark = pytest.mark.usefixtures("on_cpu")

END = 1
SCHEDULED = SCHEDULE | {"dropout_rate": 0.0, "steps": 3}
SETTINGS = PretrainingConfig(
    **SCHEDULED,
    **{"batch_size": 4, "chunk_tokens": 16, "noise_density": 0.3, "mean_span": 2.0},
    **{"precision": "float32", "objective": "prefix_lm"},
)


@given(some.integers(2, 60), some.integers(0, 2**32))
def test_beginning_and_rest_are_the_text_and_neither_is_empty(length, seed):
    tokens = np.arange(200, 200 + length)
    source, target = prefix_split(tokens, END, np.random.default_rng(seed))
    assert source[-1] == target[-1] == END
    assert [*source[:-1], *target[:-1]] == tokens.tolist()
    assert min(len(source), len(target)) > 1


def test_every_length_is_as_likely():
    random = np.random.default_rng(1)
    lengths = [len(prefix_split(np.arange(5), END, random)[0]) - 1 for _ in range(4000)]
    counts = np.bincount(lengths, minlength=6)
    assert counts[0] == counts[5] == 0
    assert counts[1:5].tolist() == pytest.approx([1000] * 4, rel=0.12)


def test_a_text_of_one_token_is_an_error():
    with pytest.raises(ValueError, match="at least 2 tokens, got 1"):
        prefix_split(np.arange(1), END, np.random.default_rng(0))


@pytest.mark.parametrize("accumulation", [1, 2])
def test_the_first_loss_is_that_of_hugging_face(tmp_path, accumulation):
    settings, tokenizer = replace(SETTINGS, accumulation=accumulation), tiny_tokenizer()
    torch.manual_seed(1)
    model = T5ForConditionalGeneration(small_t5_config(SHAPE, 0.0, tokenizer)).eval()
    pieces = chunk_texts(sentences(30), tokenizer, settings.chunk_tokens)
    order = EpochSampler(len(pieces), settings.batch_size, settings.seed, "pretraining-order")
    rows, noise = [pieces[i] for i in order(0)], generator(settings.seed, "pretraining-noise", 0)
    inputs, targets = task_pairs(rows, settings, [], tokenizer.eos_token_id, noise)
    for row, source, rest in zip(rows, inputs, targets, strict=True):
        assert [*source[:-1], *rest[:-1]] == row.tolist()
    with torch.no_grad():
        expected = model(
            input_ids=torch.tensor(pad_rows(inputs, 0)),
            attention_mask=torch.tensor(pad_rows([np.ones_like(row) for row in inputs], 0)),
            labels=torch.tensor(pad_rows(targets, -100)),
        ).loss
    curve = pretrain(model, tokenizer, pieces, settings, Checkpoint(tmp_path, "one"))
    assert curve[0]["loss"] == pytest.approx(expected.item(), rel=1e-5)
