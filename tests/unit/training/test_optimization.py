import copy
from dataclasses import dataclass

import pytest
import torch

from genir.training.optimization import CpuAdafactor, build_optimizer, learning_rate_factor


@dataclass(frozen=True)
class Settings:
    steps: int = 100
    learning_rate: float = 0.01
    warmup_steps: int = 10
    decay_fraction: float = 0.2


def test_warm_up_plateau_and_decay():
    factors = [learning_rate_factor(step, Settings()) for step in range(101)]
    assert factors[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert factors[10:81] == [1.0] * 71
    assert factors[80:] == pytest.approx([(100 - i) / 20 for i in range(80, 101)])
    assert factors[100] == 0


def test_the_factor_stays_at_0_after_the_end():
    assert learning_rate_factor(150, Settings()) == 0


def test_without_warm_up_and_decay_the_rate_is_constant():
    settings = Settings(warmup_steps=0, decay_fraction=0.0)
    assert {learning_rate_factor(step, settings) for step in range(100)} == {1.0}


def test_phases_that_overlap_never_raise_the_rate_above_either():
    settings = Settings(steps=10, warmup_steps=10, decay_fraction=1.0)
    factors = [learning_rate_factor(step, settings) for step in range(11)]
    assert max(factors) == pytest.approx(0.5)
    assert factors[10] == 0


def test_the_optimiser_follows_the_schedule():
    model = torch.nn.Linear(3, 2)
    optimizer, schedule = build_optimizer(model.parameters(), Settings(steps=5, warmup_steps=2))
    rates = []
    for _ in range(5):
        rates.append(schedule.get_last_lr()[0])
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    assert rates == pytest.approx([0.005, 0.01, 0.01, 0.01, 0.01])
    assert schedule.get_last_lr()[0] == 0


def test_steps_are_relative_to_the_scale_of_the_matrix():
    moved = []
    for scale in (1.0, 100.0):
        model = torch.nn.Linear(4, 4, bias=False)
        model.weight.data = scale * torch.eye(4) + scale
        before = model.weight.data.clone()
        optimizer, _ = build_optimizer(model.parameters(), Settings(warmup_steps=0))
        model(torch.ones(1, 4)).square().sum().backward()
        optimizer.step()
        moved.append(((model.weight.data - before).norm() / before.norm()).item())
    assert moved[0] == pytest.approx(moved[1], rel=1e-3)
    assert moved[0] > 0


def test_the_adafactor_for_cpus_takes_the_steps_of_torchs_own():
    random = torch.Generator().manual_seed(3)
    shapes = (7, 5), (5, 7), (4,), (30, 3)
    plain = [torch.nn.Parameter(torch.randn(shape, generator=random)) for shape in shapes]
    lean = [torch.nn.Parameter(weight.detach().clone()) for weight in plain]
    optimizers = torch.optim.Adafactor(plain, lr=0.02), CpuAdafactor(lean, lr=0.02)
    before = [weight.detach().clone() for weight in plain]
    for step in range(30):
        for number, (one, other) in enumerate(zip(plain, lean, strict=True)):
            gradient = torch.randn(one.shape, generator=random) * 10.0 ** -(step % 9)
            gradient[0] = 0
            one.grad, other.grad = gradient, gradient.clone()
            if number == 2 and step % 3 == 0:
                one.grad = other.grad = None
        for optimizer in optimizers:
            optimizer.step()
        for one, other in zip(plain, lean, strict=True):
            torch.testing.assert_close(other, one, atol=1e-6, rtol=1e-5)
    for one, old in zip(plain, before, strict=True):
        assert (one - old).abs().max() > 1e-2


def test_the_adafactor_for_cpus_resumes_from_the_state_of_torchs_own():
    weights = [torch.nn.Parameter(torch.ones(3, 4)) for _ in range(2)]
    plain, lean = torch.optim.Adafactor(weights[:1]), CpuAdafactor(weights[1:])
    weights[0].grad = torch.randn(3, 4)
    plain.step()
    weights[1].data.copy_(weights[0])
    lean.load_state_dict(copy.deepcopy(plain.state_dict()))
    weights[0].grad = torch.randn(3, 4)
    weights[1].grad = weights[0].grad.clone()
    plain.step()
    lean.step()
    torch.testing.assert_close(weights[1], weights[0])
