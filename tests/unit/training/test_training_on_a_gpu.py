"""Trainings on a GPU begin where they do on the CPU, learn, and resume."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from on_devices import device_of, on_every_device
from tiny_text import sentences, tiny_tokenizer
from tiny_training import FINETUNING, SCHEDULE, SHAPE
from transformers import T5ForConditionalGeneration

from genir.files.checkpoint import Checkpoint
from genir.models.load import add_docids
from genir.training.finetuning import Examples, finetune
from genir.training.pretraining import PretrainingConfig, chunk_texts, pretrain, small_t5_config

DOCUMENTS = 6
PRETRAINING = PretrainingConfig(
    **SCHEDULE, **{"batch_size": 8, "chunk_tokens": 16, "noise_density": 0.3, "mean_span": 2.0}
)


class KilledError(Exception):
    pass


def _finetuned(device, config, folder):
    """A model that tells six sentences apart, and its curve."""
    model = _model()
    docids = list(add_docids(model, [f"d{i}" for i in range(DOCUMENTS)], seed=1).values())
    texts = tiny_tokenizer()(sentences(DOCUMENTS, seed=3))["input_ids"]
    part = Examples([np.array(row) for row in texts], np.array(docids))
    examples = {"indexing": part, "retrieval": part}
    first = min(docids)
    return model, finetune(model.to(device), examples, config, Checkpoint(folder), first)


def _pretrained(device, config, folder):
    model = _model().to(device)
    pieces = chunk_texts(sentences(20, seed=4), tiny_tokenizer(), config.chunk_tokens)
    return model, pretrain(model, tiny_tokenizer(), pieces, config, Checkpoint(folder))


def _model():
    torch.manual_seed(0)
    return T5ForConditionalGeneration(
        small_t5_config(SHAPE, SCHEDULE["dropout_rate"], tiny_tokenizer())
    )


def _losses(trained):
    return [row["loss"] for row in trained[1]]


TRAININGS = {"finetune": (_finetuned, FINETUNING), "pretrain": (_pretrained, PRETRAINING)}


@on_every_device
@pytest.mark.parametrize("name", TRAININGS)
def test_without_dropout_the_losses_are_those_of_the_cpu(kind, name, tmp_path, monkeypatch):
    """Of a few steps: rounding grows with every one."""
    monkeypatch.setitem(SCHEDULE, "dropout_rate", 0.0)
    train, config = TRAININGS[name]
    config = replace(config, steps=4, dropout_rate=0.0, checkpoint_every=99)
    expected = train(torch.device("cpu"), config, tmp_path)
    found = train(device_of(kind), config, tmp_path)
    assert _losses(found) == pytest.approx(_losses(expected), rel=5e-3)
    assert {weight.device.type for weight in found[0].parameters()} == {kind}


@on_every_device
@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_resumes_on_the_device(kind, name, tmp_path, monkeypatch):
    """Ends where an uninterrupted one does, dropout included, but for the order of sums."""
    train, config = TRAININGS[name]
    config, device = replace(config, checkpoint_every=3), device_of(kind)
    expected = train(device, config, tmp_path / "whole")

    def killed(self, state, save=Checkpoint.save):
        save(self, state)
        if state["step"] == 6:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", killed)
        with pytest.raises(KilledError):
            train(device, config, tmp_path / "killed")
    assert Checkpoint(tmp_path / "killed").load()["step"] == 6
    resumed = train(device, config, tmp_path / "killed")
    assert len(resumed[1]) == len(expected[1])
    assert _losses(resumed) == pytest.approx(_losses(expected), rel=1e-2)


@on_every_device
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("recomputed", [False, True])
def test_a_small_task_is_learnt(kind, precision, recomputed, tmp_path):
    changed = {"steps": 80, "warmup_steps": 5, "dropout_rate": 0.0, "checkpoint_every": 999}
    changed |= {"precision": precision, "gradient_checkpointing": recomputed, "accumulation": 2}
    config = replace(FINETUNING, **changed)
    losses = _losses(_finetuned(device_of(kind), config, tmp_path))
    assert losses[-1] < 0.2 * losses[0]


@on_every_device
@pytest.mark.parametrize("recomputed", [False, True])
def test_dropout_is_the_same_at_the_same_step(kind, recomputed, tmp_path):
    """The first losses depend on the seed alone; states that are computed again drop the same."""
    config = replace(FINETUNING, steps=2, gradient_checkpointing=recomputed)
    device = device_of(kind)
    first, again = (_losses(_finetuned(device, config, tmp_path)) for _ in range(2))
    kept = _losses(_finetuned(device, replace(config, dropout_rate=0.0), tmp_path))
    assert first == pytest.approx(again, rel=1e-4)
    assert first != pytest.approx(kept, rel=1e-3)
