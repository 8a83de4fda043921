"""The training forward against the whole Hugging Face model: same logits, same gradients."""

import numpy as np
import pytest
import torch
from plain_t5 import ALL_FAMILIES, plain_logits, random_inputs, small_model

from genir.engine.dropout import Dropout
from genir.engine.one_step import OneStep

families = pytest.mark.parametrize("family", ALL_FAMILIES)


def _inputs():
    ids, mask = random_inputs(6, 9)
    return ids, mask, [row[kept.bool()].numpy() for row, kept in zip(ids, mask, strict=True)]


def _gradients(model, loss):
    model.zero_grad(set_to_none=True)
    loss.backward()
    return {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.clone()
        for name, parameter in model.named_parameters()
    }


@families
def test_logits_are_those_of_the_whole_model(family):
    model = small_model(family)
    ids, mask, inputs = _inputs()
    with torch.no_grad():
        logits = OneStep(model).logits(inputs)
    torch.testing.assert_close(logits, plain_logits(model, ids, mask), atol=1e-4, rtol=1e-5)


@families
@pytest.mark.parametrize("recompute", [False, True])
def test_gradients_are_those_of_the_whole_model(family, recompute):
    model = small_model(family)
    ids, mask, inputs = _inputs()
    labels = torch.arange(60, 66)
    start = torch.zeros(6, 1, dtype=torch.long)
    whole = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False)
    expected = _gradients(model, torch.nn.functional.cross_entropy(whole.logits[:, 0], labels))
    logits = OneStep(model).logits(inputs, recompute=recompute)
    gradients = _gradients(model, torch.nn.functional.cross_entropy(logits, labels))
    assert max(gradient.abs().max() for gradient in gradients.values()) > 1e-3
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-5, rtol=1e-3, msg=name)


def test_other_examples_and_their_padding_change_nothing():
    model = small_model()
    rows = [np.arange(5, 8), np.arange(5, 17)]
    with torch.no_grad():
        together, alone = OneStep(model).logits(rows), OneStep(model).logits(rows[:1])
    torch.testing.assert_close(together[:1], alone, atol=1e-4, rtol=1e-5)


def test_dropout_scales_what_it_keeps_and_depends_on_seed_and_place_alone():
    states = torch.ones(500, 40)
    first = Dropout(0.1, 7, "a", 3)
    dropped = first(states, "encoder.0.mlp")
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.9).item()}
    assert (dropped == 0).float().mean() == pytest.approx(0.1, abs=0.01)
    assert torch.equal(dropped, Dropout(0.1, 7, "a", 3)(states, "encoder.0.mlp"))
    for other in (Dropout(0.1, 7, "a", 4)(states, "encoder.0.mlp"), first(states, "encoder.1.mlp")):
        assert not torch.equal(dropped, other)
    assert Dropout(0.0, 7)(states, "x") is states


@families
def test_dropout_reaches_every_layer(family):
    model = small_model(family)
    _, _, inputs = _inputs()
    places = []

    class Noted(Dropout):
        def __call__(self, states, place):
            places.append(place)
            return super().__call__(states, place)

    OneStep(model).logits(inputs, Noted(0.1, 1))
    parts = ("attention", "neurons", "mlp")
    expected = ["encoder.embedding", "encoder.final", "decoder.start", "decoder.final"]
    expected += [f"encoder.{layer}.{part}" for layer in range(2) for part in parts]
    parts = ("self_attention", "cross_attention", "neurons", "mlp")
    expected += [f"decoder.{layer}.{part}" for layer in range(3) for part in parts]
    assert sorted(places) == sorted(expected)
