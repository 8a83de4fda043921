"""The loss of all decoder steps against plain Hugging Face: same loss, same gradients."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from plain_t5 import ALL_FAMILIES, small_model
from random_t5 import random_models

from genir.engine.dropout import Dropout, dropout, keep
from genir.engine.teacher_forcing import TeacherForcing

families = pytest.mark.parametrize("family", ALL_FAMILIES)


def _sequences(examples, longest, rows, seed):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, longest + 1, examples)
    return [random.integers(1, rows, length) for length in lengths]


def _padded(sequences, value):
    longest = max(map(len, sequences))
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in sequences])


def _gradients(model, loss):
    model.zero_grad(set_to_none=True)
    loss.backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


def _plain(model, inputs, targets):
    """Sum of the cross-entropies; inputs may hold the padding token, so the mask is by length."""
    mask = _padded([np.ones_like(row) for row in inputs], 0)
    labels = _padded(targets, -100)
    mean = model(input_ids=_padded(inputs, 0), attention_mask=mask, labels=labels).loss
    return mean * (labels != -100).sum()


def _difference(gradients, expected):
    """Largest difference of a weight's gradient, relative to its largest number."""
    return max(
        ((gradients[name] - one).abs().max() / (one.abs().max() + 1e-4)).item()
        for name, one in expected.items()
    )


@given(random_models(), some.integers(1, 7), some.integers(1, 40), some.integers(1, 25))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_loss_and_gradients_are_those_of_the_whole_model(model, examples, longest, longest_target):
    rows = model.config.vocab_size
    inputs = _sequences(examples, longest, rows, 1)
    targets = _sequences(examples, longest_target, rows, 2)
    plain = _plain(model, inputs, targets)
    rounded = _gradients(model, plain)
    loss = TeacherForcing(model).loss(inputs, targets)
    assert loss.item() == pytest.approx(plain.item(), rel=1e-5)
    own = _gradients(model, loss)
    exact = _gradients(model.double(), _plain(model, inputs, targets))
    assert _difference(own, exact) < 1e-3 + 10 * _difference(rounded, exact)


@families
@pytest.mark.parametrize("rate", [0.0, 0.2])
def test_products_in_bfloat16_are_near(family, rate):
    model = small_model(family)
    inputs, targets = _sequences(6, 9, 90, 1), _sequences(6, 5, 90, 2)
    plain, loss = (
        TeacherForcing(model, products).loss(inputs, targets, dropout(rate, 1))
        for products in (torch.float32, torch.bfloat16)
    )
    expected, gradients = _gradients(model, plain), _gradients(model, loss)
    assert loss.item() == pytest.approx(plain.item(), rel=0.01)
    together, plainly = (
        torch.cat([grads[name].flatten() for name in expected]) for grads in (gradients, expected)
    )
    assert torch.nn.functional.cosine_similarity(together, plainly, dim=0) > 0.998
    assert all(weight.dtype == torch.float32 for weight in gradients.values())


@families
def test_gradients_under_dropout_are_the_slope_of_the_loss(family):
    model = small_model(family)
    inputs, targets = _sequences(6, 9, 90, 1), _sequences(6, 5, 90, 2)
    forced = TeacherForcing(model)
    loss = lambda: forced.loss(inputs, targets, Dropout(0.2, 7, "a"))  # noqa: E731
    gradients = _gradients(model, loss())
    assert loss().item() != pytest.approx(forced.loss(inputs, targets).item(), rel=1e-3)
    for name, weight in model.named_parameters():
        norm = gradients[name].norm()
        direction, size = gradients[name] / norm, 0.1 / norm
        with torch.no_grad():
            weight += size * direction
            above = loss()
            weight -= 2 * size * direction
            below = loss()
            weight += size * direction
        slope = ((above - below) / (2 * size)).item()
        assert slope == pytest.approx(norm.item(), rel=0.03), name


@families
def test_dropout_reaches_every_layer(family):
    places = []

    def noted(states, place):
        places.append(place)
        return states

    inputs, targets = _sequences(6, 9, 90, 1), _sequences(6, 5, 90, 2)
    TeacherForcing(small_model(family)).loss(inputs, targets, noted)
    expected = [f"{stack}.{end}" for stack in ("encoder", "decoder") for end in _ENDS]
    expected += [f"encoder.{layer}.{part}" for layer in range(2) for part in _PARTS]
    expected += [f"decoder.{layer}.{part}" for layer in range(3) for part in _PARTS]
    expected += [f"decoder.{layer}.cross_attention" for layer in range(3)]
    assert sorted(places) == sorted(expected)


_ENDS = ("embedding", "final")
_PARTS = ("self_attention", "neurons", "mlp")


def test_parts_of_a_batch_add_up():
    model = small_model()
    inputs, targets = _sequences(6, 9, 90, 1), _sequences(6, 5, 90, 2)
    forced = TeacherForcing(model)
    whole = _gradients(model, forced.loss(inputs, targets))
    model.zero_grad(set_to_none=True)
    for part in (slice(0, 2), slice(2, 6)):
        forced.loss(inputs[part], targets[part]).backward()
    parts = {name: weight.grad for name, weight in model.named_parameters()}
    assert _difference(parts, whole) < 1e-4


def test_states_too_large_for_a_float_give_no_number():
    model = small_model()
    inputs, targets = _sequences(6, 9, 90, 1), _sequences(6, 5, 90, 2)
    with torch.no_grad():
        model.decoder.block[1].layer[2].DenseReluDense.wo.weight *= 1e25
    assert not TeacherForcing(model).loss(inputs, targets, keep).isfinite()


@pytest.mark.cuda
@families
@pytest.mark.parametrize("products", [torch.float32, torch.bfloat16])
def test_a_gpu_gives_the_same(family, products):
    inputs, targets = _sequences(6, 9, 90, 1), _sequences(6, 5, 90, 2)
    plain = TeacherForcing(small_model(family)).loss(inputs, targets)
    model = small_model(family).cuda()
    loss = TeacherForcing(model, products).loss(inputs, targets)
    loss.backward()
    assert loss.item() == pytest.approx(
        plain.item(), rel=1e-4 if products == torch.float32 else 0.02
    )
    assert all(weight.grad.isfinite().all() for weight in model.parameters())
