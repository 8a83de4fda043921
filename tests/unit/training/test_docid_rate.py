"""Docids with a learning rate of their own."""

import copy
from dataclasses import replace

import pandas as pd
import pytest
import torch
from tiny_text import sentences, tiny_tokenizer
from tiny_training import FINETUNING, SHAPE
from transformers import T5ForConditionalGeneration

from genir.files.checkpoint import Checkpoint
from genir.models.load import add_docids
from genir.training import loop
from genir.training.docid_rate import DocidRate
from genir.training.finetuning import Examples, build_examples, finetune
from genir.training.optimization import CpuAdafactor, build_optimizer
from genir.training.pretraining import small_t5_config
from genir.training.trainable import trained_parts

DOCUMENTS = pd.DataFrame({"doc_id": list("abcd"), "title": "", "text": sentences(4, seed=3)})
PAIRS = pd.DataFrame({"text": ["wide foot", "long skull", "a nerve"], "doc_id": list("abc")})
FEW_WARM = replace(FINETUNING, warmup_steps=0, decay_fraction=0.0, dropout_rate=0.0)


def _task(tied=True) -> tuple[T5ForConditionalGeneration, int, dict[str, Examples]]:
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(small_t5_config(SHAPE, 0.2, tiny_tokenizer()))
    if not tied:
        own = torch.randn(model.shared.weight.shape)
        model.lm_head.weight = torch.nn.Parameter(own)
        model.config.tie_word_embeddings = model.config.scale_decoder_outputs = False
    docids = add_docids(model, DOCUMENTS["doc_id"].tolist(), seed=1)
    pieces = tiny_tokenizer().backend_tokenizer
    examples = build_examples(DOCUMENTS, PAIRS, docids, pieces, FINETUNING)
    return model, min(docids.values()), examples


def _trained(folder, config, tied=True):
    model, first, examples = _task(tied)
    before = copy.deepcopy(model.state_dict())
    curve = finetune(model, examples, config, Checkpoint(folder), first)
    return before, model.state_dict(), curve


def _assert_equal(one, other):
    assert one.keys() == other.keys()
    for name, weight in one.items():
        assert torch.equal(weight, other[name]), name


@pytest.mark.parametrize("rate", [None, FINETUNING.learning_rate])
@pytest.mark.parametrize("tied", [True, False])
def test_an_equal_rate_gives_the_bits_of_the_ordinary_optimiser(tmp_path, monkeypatch, tied, rate):
    config = replace(FINETUNING, docid_learning_rate=rate)
    _, equal, curve = _trained(tmp_path / "equal", config, tied)
    monkeypatch.setattr(
        loop, "build_optimizer", lambda weights, config, _: build_optimizer(weights, config)
    )
    _, ordinary, same = _trained(tmp_path / "ordinary", config, tied)
    _assert_equal(equal, ordinary)
    assert curve == same
    assert all(row["docid_learning_rate"] == row["learning_rate"] for row in curve)


@pytest.mark.parametrize("tied", [True, False])
def test_a_first_step_is_that_of_either_rate_row_by_row(tmp_path, tied):
    low, high = 0.01, 0.08
    once = replace(FEW_WARM, steps=1)
    steps = {}
    for own, other in ((low, None), (high, None), (low, high)):
        settings = replace(once, learning_rate=own, docid_learning_rate=other)
        before, after, _ = _trained(tmp_path, settings, tied)
        steps[own, other] = {name: after[name] - weight for name, weight in before.items()}
    first, matrices = _task(tied)[1], ["shared.weight"] + ["lm_head.weight"] * (not tied)
    for name, step in steps[low, high].items():
        ordinary, large = steps[low, None][name], steps[high, None][name]
        if not name.endswith(("shared.weight", "embed_tokens.weight", "lm_head.weight")):
            assert torch.equal(step, ordinary), name
            continue
        assert torch.equal(step[first:], large[first:]), name
        torch.testing.assert_close(step[:first], ordinary[:first], atol=1e-6, rtol=1e-4)
    for name in matrices:
        moved = steps[low, high][name]
        assert moved[:first].abs().max() > 0
        torch.testing.assert_close(
            steps[high, None][name], steps[low, None][name] * high / low, atol=1e-5, rtol=1e-3
        )


def _late_step(adafactor, ordinary, docids=None):
    """A matrix of six rows after step 400, the first step having been taken back."""
    random = torch.Generator().manual_seed(1)
    start = torch.randn(6, 4, generator=random)
    matrix = torch.nn.Parameter(start.clone())
    groups = [{"params": [torch.nn.Parameter(torch.ones(2))]}, {"params": [matrix]}]
    if docids is not None:
        groups[1]["lr"] = docids
    optimizer = adafactor(groups, lr=ordinary)
    if docids is not None:
        DocidRate([matrix], 4, docids).attach(optimizer)
    for _ in range(2):
        matrix.data.copy_(start)
        matrix.grad = torch.randn(6, 4, generator=random)
        optimizer.step()
        optimizer.state[matrix]["step"].fill_(399)
    return matrix.detach()


@pytest.mark.parametrize("adafactor", [CpuAdafactor, torch.optim.Adafactor])
def test_neither_rate_rises_above_what_adafactor_allows(adafactor):
    """t^-1/2, which is 0.05 at step 400."""
    mixed = _late_step(adafactor, 0.01, docids=9.0)
    assert torch.equal(mixed[4:], _late_step(adafactor, 0.05)[4:])
    torch.testing.assert_close(mixed[:4], _late_step(adafactor, 0.01)[:4], atol=1e-6, rtol=1e-6)


def test_both_rates_follow_the_schedule(tmp_path):
    config = replace(FINETUNING, learning_rate=0.01, docid_learning_rate=0.03)
    _, _, curve = _trained(tmp_path, config)
    assert list(curve[0])[-2:] == ["learning_rate", "docid_learning_rate"]
    assert len({row["learning_rate"] for row in curve}) > 2
    for row in curve:
        assert row["docid_learning_rate"] == pytest.approx(3 * row["learning_rate"])


def test_a_large_rate_moves_the_docids_and_leaves_the_rest(tmp_path):
    """Drift of words and of what is between them stays that of the small rate."""
    moved = {}
    for rates in ((0.001, None), (0.001, 0.05), (0.05, None)):
        config = replace(FEW_WARM, learning_rate=rates[0], docid_learning_rate=rates[1])
        before, after, _ = _trained(tmp_path / str(rates), config)
        first = _task()[1]
        difference, start = (
            after["shared.weight"] - before["shared.weight"],
            before["shared.weight"],
        )
        moved[rates] = [
            (difference[rows].norm() / start[rows].norm()).item()
            for rows in (slice(first), slice(first, None))
        ]
    words, docids = moved[0.001, 0.05]
    assert words < 2 * moved[0.001, None][0] < 0.1 * moved[0.05, None][0]
    assert docids > 10 * moved[0.001, None][1]


@pytest.mark.cuda
def test_a_gpu_takes_the_same_steps():
    weights = []
    for device in ("cpu", "cuda"):
        model, first, _ = _task()
        docids = trained_parts(model.to(device), first, "all", 0.03).docids
        settings = replace(FINETUNING, learning_rate=0.002, warmup_steps=0)
        optimizer, _ = build_optimizer(model.parameters(), settings, docids)
        random = torch.Generator().manual_seed(5)
        for _ in range(20):
            for weight in model.parameters():
                weight.grad = torch.randn(weight.shape, generator=random).to(device)
            optimizer.step()
        weights.append({name: weight.cpu() for name, weight in model.state_dict().items()})
    for name, weight in weights[0].items():
        torch.testing.assert_close(weights[1][name], weight, atol=1e-5, rtol=1e-4)
