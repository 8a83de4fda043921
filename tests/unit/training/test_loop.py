import pytest
import torch
from small_training import InterruptedTrainingError, Settings, losses_of_part, small_network

from genir.files.checkpoint import Checkpoint
from genir.training.loop import CURVE_POINTS, train


def _train(folder, settings, stop_at=None, seen=None):
    model = small_network()
    losses = losses_of_part(model, stop_at, seen)
    return model, train(model, losses, settings, Checkpoint(folder), "test")


def _assert_resumed_equals_whole(tmp_path, settings, stop_at, first_step):
    whole, whole_curve = _train(tmp_path / "whole", settings)
    with pytest.raises(InterruptedTrainingError):
        _train(tmp_path / "parts", settings, stop_at)
    seen: list[int] = []
    resumed, resumed_curve = _train(tmp_path / "parts", settings, seen=seen)
    assert seen == list(range(first_step, settings.steps))
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name
    assert resumed_curve == whole_curve


@pytest.mark.parametrize(("stop_at", "first_step"), [(3, 0), (5, 5), (8, 5), (11, 10)])
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path, stop_at, first_step):
    _assert_resumed_equals_whole(tmp_path, Settings(), stop_at, first_step)


def test_a_checkpoint_between_two_points_of_the_curve_keeps_the_losses(tmp_path):
    settings = Settings(steps=3 * CURVE_POINTS, checkpoint_every=100)
    _assert_resumed_equals_whole(tmp_path, settings, 450, 400)


def test_a_damaged_checkpoint_means_a_fresh_start(tmp_path):
    whole, _ = _train(tmp_path / "whole", Settings())
    with pytest.raises(InterruptedTrainingError):
        _train(tmp_path / "parts", Settings(), 8)
    (tmp_path / "parts/state.pt").write_bytes(b"damaged")
    again, curve = _train(tmp_path / "parts", Settings())
    assert [row["step"] for row in curve] == list(range(1, 13))
    assert torch.equal(whole[0].weight, again[0].weight)


def test_the_curve_has_the_means_of_every_loss(tmp_path):
    _, curve = _train(tmp_path, Settings())
    assert list(curve[0]) == ["step", "loss", "double_loss", "learning_rate"]
    assert [row["step"] for row in curve] == list(range(1, 13))
    assert all(row["double_loss"] == pytest.approx(2 * row["loss"]) for row in curve)
    assert curve[-1]["learning_rate"] == 0


def test_a_long_run_has_about_200_points_and_the_last_step(tmp_path):
    steps = 2 * CURVE_POINTS + 1
    _, curve = _train(tmp_path, Settings(steps=steps, checkpoint_every=10_000))
    assert [row["step"] for row in curve] == [*range(2, steps, 2), steps]
    assert not (tmp_path / "state.pt").exists()


def test_the_model_ends_in_evaluation_mode(tmp_path):
    assert not _train(tmp_path, Settings())[0].training
