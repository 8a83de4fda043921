"""Training parts of a model: they learn, and the rest stays what it was to the bit."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import torch
from tiny_text import sentences, tiny_tokenizer
from tiny_training import FINETUNING, SHAPE, training_files, write_inputs
from transformers import T5ForConditionalGeneration

from genir.analyses.drift import drift
from genir.base.errors import ConfigError
from genir.base.parts import WRITTEN
from genir.files.checkpoint import Checkpoint
from genir.models.load import add_docids
from genir.models.start import Start
from genir.subjects.blocks import Limits
from genir.subjects.subject import QuerySource, load_subject
from genir.tables.drift import make
from genir.training import loop
from genir.training.finetuned_model import make_finetuned_model
from genir.training.finetuning import build_examples, finetune
from genir.training.outputs import FinetuningOutputs
from genir.training.pretraining import small_t5_config
from genir.training.trainable import trained_parts

DOCUMENTS = pd.DataFrame({"doc_id": list("abcd"), "title": "", "text": sentences(4, seed=3)})
PAIRS = pd.DataFrame({"text": ["wide foot", "long skull", "a nerve"], "doc_id": list("abc")})
STILL = replace(FINETUNING, dropout_rate=0.0, warmup_steps=0, decay_fraction=0.0)
WHOLE = ["docids", "embedding", "encoder", "decoder"]
UNREAD = ("SelfAttention.q", "SelfAttention.k", "relative_attention_bias")
"""Of the decoder, which has one position."""

# Parts, and what the names of weights in them have in common: all words of one of the lists.
PARTS = {
    "encoder": [["encoder."]],
    "decoder": [["decoder."]],
    "norms": [["layer_norm"]],
    "decoder.norms": [["decoder.", "layer_norm"]],
    "encoder.mlp": [["encoder.", "DenseReluDense"]],
    "encoder.self_attention": [["encoder.", "SelfAttention"]],
    "encoder.0.self_attention": [[f"encoder.block.0.layer.0.SelfAttention.{k}."] for k in "qkvo"],
    "decoder.self_attention": [["decoder.", "SelfAttention"]],
    "decoder.cross_attention": [["EncDecAttention"]],
    "decoder.1": [["decoder.block.1."]],
    "decoder.1-2.mlp": [["decoder.block.1.", "Dense"], ["decoder.block.2.", "Dense"]],
    "decoder.II.cross_attention": [["decoder.block.1.", "EncDec"]],
    "decoder.III.mlp": [["decoder.block.2.", "Dense"]],
}


def _task(tied=True):
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(small_t5_config(SHAPE, 0.2, tiny_tokenizer()))
    if not tied:
        model.lm_head.weight = torch.nn.Parameter(torch.randn(model.shared.weight.shape))
        model.config.tie_word_embeddings = model.config.scale_decoder_outputs = False
    docids = add_docids(model, DOCUMENTS["doc_id"].tolist(), seed=1)
    pieces = tiny_tokenizer().backend_tokenizer
    examples = build_examples(DOCUMENTS, PAIRS, docids, pieces, FINETUNING)
    return model, min(docids.values()), examples


def _weights(model):
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def _trained(folder, parts, config=FINETUNING, tied=True):
    """First docid, weights before and after, and the loss curve."""
    model, first, examples = _task(tied)
    before = _weights(model)
    config = replace(config, trainable=parts)
    curve = finetune(model, examples, config, Checkpoint(folder), first)
    return first, before, _weights(model), curve


def _assert_equal(one, other):
    assert one.keys() == other.keys()
    for name, weight in one.items():
        assert torch.equal(weight, other[name]), name


def _moved(before, after):
    return {name for name, weight in before.items() if not torch.equal(weight, after[name])}


@pytest.mark.parametrize("part", PARTS)
def test_what_a_part_is_called_moves_and_all_else_keeps_its_bits(tmp_path, part):
    _, before, after, _ = _trained(tmp_path, [part])
    named = {n for n in before if any(all(word in n for word in words) for words in PARTS[part])}
    if part == "encoder.0.self_attention":
        assert len(named) == 4
    unread = {n for n in before if n.startswith("decoder.") and any(u in n for u in UNREAD)}
    assert named - unread
    assert _moved(before, after) == named - unread


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("others", [[], ["decoder.III.mlp", "encoder"]])
@pytest.mark.parametrize("rate", [None, 0.06])
@pytest.mark.parametrize("rows", ["docids", "embedding"])
def test_rows_of_docids_and_of_words_train_without_each_other(tmp_path, rows, rate, others, tied):
    config = replace(FINETUNING, docid_learning_rate=rate)
    first, before, after, _ = _trained(tmp_path, [rows, *others], config, tied)
    head = "shared.weight" if tied else "lm_head.weight"
    frozen, moved = slice(first), slice(first, None)
    if rows == "embedding":
        frozen, moved = moved, frozen
    for name in {"shared.weight", head}:
        assert torch.equal(after[name][frozen], before[name][frozen])
    assert (after[head][moved] != before[head][moved]).any(1).all()
    assert ("shared.weight" in _moved(before, after)) == (tied or rows == "embedding")
    expected = {name for name in before if name.startswith("encoder.")} if others else set()
    assert {name for name in _moved(before, after) if name.startswith("encoder.")} == expected


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("rate", [None, 0.06])
def test_all_parts_give_the_bits_of_no_list(tmp_path, tied, rate):
    config = replace(FINETUNING, docid_learning_rate=rate)
    _, _, ordinary, curve = _trained(tmp_path / "all", "all", config, tied)
    _, _, listed, same = _trained(tmp_path / "list", WHOLE, config, tied)
    _assert_equal(listed, ordinary)
    assert curve == same


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    "parts", [["docids"], ["embedding", "norms"], ["docids", "decoder.III.mlp"], ["encoder"]]
)
def test_gradients_are_those_of_the_whole_model(tmp_path, monkeypatch, tied, parts):
    """Of the first step, docids' among those of the whole matrix."""
    found = {}

    def first_gradients(parts):
        original = loop.build_optimizer

        def noting(weights, *rest):
            optimizer, schedule = original(weights, *rest)
            optimizer.register_step_pre_hook(lambda *_: _note(trained.weights, found))
            return optimizer, schedule

        model, first, examples = _task(tied)
        trained = trained_parts(model, first, parts, 0.03)
        monkeypatch.setattr(loop, "build_optimizer", noting)
        monkeypatch.setattr("genir.training.finetuning.trained_parts", lambda *_: trained)
        config = replace(STILL, steps=1, trainable=parts)
        finetune(model, examples, config, Checkpoint(tmp_path), first)
        monkeypatch.setattr(loop, "build_optimizer", original)
        gradients = dict(found)
        found.clear()
        return first, gradients

    first, whole = first_gradients("all")
    _, some = first_gradients(parts)
    assert some
    for name, gradient in some.items():
        matrix, _, rows = name.partition(", ")
        places = {"docids": slice(first, None), "embedding": slice(first), "": slice(None)}[rows]
        torch.testing.assert_close(gradient, whole[matrix][places], atol=1e-6, rtol=1e-4)


def _note(weights, found):
    found |= {name: w.grad.clone() for name, w in weights.items() if w.grad is not None}


def _kept_and_state(tmp_path, monkeypatch, parts):
    """Numbers that a step keeps for its backward pass, and those of the optimiser's state."""
    model, first, examples = _task()
    optimizers, kept = [], [0]

    def noting(*arguments):
        optimizers.append(original(*arguments))
        return optimizers[0]

    def pack(tensor):
        kept[0] += tensor.numel()
        return tensor

    original = loop.build_optimizer
    monkeypatch.setattr(loop, "build_optimizer", noting)
    config = replace(STILL, steps=1, trainable=parts)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        finetune(model, examples, config, Checkpoint(tmp_path), first)
    monkeypatch.setattr(loop, "build_optimizer", original)
    states = optimizers[0][0].state.values()
    return kept[0], sum(value.numel() for state in states for value in state.values())


def test_less_is_kept_the_higher_the_lowest_part(tmp_path, monkeypatch):
    parts = ["all", ["docids", "decoder"], ["docids", "decoder.III.mlp"], ["docids"]]
    kept, states = zip(*(_kept_and_state(tmp_path, monkeypatch, p) for p in parts), strict=True)
    assert list(kept) == sorted(set(kept), reverse=True)
    assert list(states) == sorted(set(states), reverse=True)
    assert states[-1] == 1 + len(DOCUMENTS) + SHAPE["d_model"]


def test_a_frozen_model_has_no_gradient_and_no_state_but_for_docids():
    model, first, _ = _task()
    trained = trained_parts(model, first, ["docids"], 0.03)
    assert list(trained.weights) == ["shared.weight, docids"]
    assert trained.parameters() == len(DOCUMENTS) * SHAPE["d_model"]
    assert not any(weight.requires_grad for weight in model.parameters())
    assert not trained.embedding.requires_grad


def test_docids_alone_move_with_their_own_rate(tmp_path):
    own = replace(STILL, steps=1, learning_rate=0.001, docid_learning_rate=0.05)
    same = replace(STILL, steps=1, learning_rate=0.05, docid_learning_rate=None)
    results = [_trained(tmp_path / str(i), ["docids"], c) for i, c in enumerate((own, same))]
    _assert_equal(results[0][2], results[1][2])


@pytest.mark.parametrize("rate", [None, 0.06])
@pytest.mark.parametrize("parts", [["docids"], ["docids", "decoder.III.mlp"], ["encoder.mlp"]])
def test_an_interrupted_training_ends_with_the_same_bits(tmp_path, parts, rate):
    config = replace(FINETUNING, docid_learning_rate=rate)
    _, _, whole, curve = _trained(tmp_path, parts, config)
    assert Checkpoint(tmp_path).load()["step"] == 8
    _, _, resumed, same = _trained(tmp_path, parts, config)
    _assert_equal(resumed, whole)
    assert same == curve


@pytest.mark.parametrize("parts", [["docids"], ["docids", "decoder.cross_attention"]])
def test_parts_of_a_batch_and_recomputing_change_nothing(tmp_path, parts):
    config = replace(FINETUNING, dropout_rate=0.0)
    _, _, whole, _ = _trained(tmp_path / "whole", parts, config)
    for changed in ({"accumulation": 3}, {"gradient_checkpointing": True}):
        _, _, other, _ = _trained(tmp_path / str(changed), parts, replace(config, **changed))
        torch.testing.assert_close(other, whole, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("decoder.IV.mlp", "'decoder.IV.mlp' is no part of a model; write all or a list"),
        ("mlp", "'mlp' is no part"),
        ("decoder.mlp.III", "is no part"),
        ("encoder.III", "encoder.III: the encoder has no stages"),
        ("encoder.cross_attention", "the encoder has no cross-attention"),
        ("decoder.3", r"decoder.3: the decoder has the layers 0 to 2; .* decoder.0-2"),
        ("decoder.2-1", "decoder.2-1: the decoder has the layers 0 to 2"),
    ],
)
def test_a_name_that_is_no_part_is_refused(part, said):
    model, first, _ = _task()
    with pytest.raises(ConfigError, match=said):
        trained_parts(model, first, ["docids", part], 0.03)
    assert "decoder.III.mlp" in WRITTEN


def test_a_model_folder_says_what_was_trained_and_has_not_drifted_elsewhere(tmp_path):
    """Also a start that is read without transformers."""
    inputs = write_inputs(tmp_path)
    start = Start("folder", inputs / "start")
    outputs = FinetuningOutputs(*(tmp_path / name for name in ("model", "c.csv", "r.json", "k")))
    settings = replace(FINETUNING, trainable=["docids", "decoder.2.mlp"])
    make_finetuned_model(training_files(inputs), start, settings, outputs)
    record = json.loads(outputs.run.read_text())
    assert record["settings"]["trainable"] == settings.trainable
    mlp = 2 * SHAPE["d_ff"] * SHAPE["d_model"]
    assert record["trained_parameters"] == mlp + 6 * SHAPE["d_model"]
    assert record["trained_parameters"] < record["parameters"]
    source = QuerySource(inputs / "queries.parquet", inputs / "qrels.txt", "train", 8)
    rows = drift(load_subject(outputs.model, source, Limits(4000)), start)
    rows.to_parquet(tmp_path / "drift.parquet")
    table = make({"some": tmp_path / "drift.parquet"}).rows
    trained = (table["stack"] == "decoder") & (table["layer"] == 2) & (table["component"] == "mlp")
    assert trained.sum() == 1
    assert (table.loc[trained, "value"] > 0).all()
    assert (table.loc[~trained, "value"] == 0).all()
    assert {"embedding", "position_bias", "final_norm"} < set(table["component"])
