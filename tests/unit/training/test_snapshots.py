"""A pre-training keeps its weights on the way, whatever interrupts it, and goes on from a model."""

import json
import logging
from pathlib import Path

import pandas as pd
import pytest
import torch
from family_checkpoints import CHECKPOINTS, UNTIED, write_checkpoint
from small_training import InterruptedTrainingError, Settings, losses_of_part, small_network
from tiny_text import SENTINELS, sentences, tiny_tokenizer
from tiny_training import SCHEDULE, SHAPE

from genir.base.errors import ModelError
from genir.files.checkpoint import Checkpoint
from genir.models.load import load_model, load_tokenizer
from genir.models.start import Start
from genir.models.tokenizer import sentinel, sentinel_tokens, train_tokenizer
from genir.training.loop import CURVE_POINTS, train
from genir.training.pretrained_model import Pretraining, make_pretrained_model, make_snapshot
from genir.training.pretraining import PretrainingConfig
from genir.training.snapshots import Snapshots

pytestmark = pytest.mark.usefixtures("on_cpu")

SETTINGS = {"batch_size": 3, "chunk_tokens": 16, "noise_density": 0.3, "mean_span": 2.0}
STEPS = (0, 3, 4, 7)


def _small(folder, settings, steps=(), stop_at=None, until=None):
    """Model, curve and, of every snapshot, weights and curve."""
    snapshots = Snapshots({step: folder / f"step-{step}" for step in steps}, "same")
    model = small_network()
    losses = losses_of_part(model, stop_at)
    checkpoint = Checkpoint(folder / "own", "same")
    curve = train(model, losses, settings, checkpoint, "test", snapshots, until)
    return model, curve, {step: snapshots.kept(step) for step in steps}


def _assert_same(one, other):
    assert one["curve"] == other["curve"]
    assert one["weights"].keys() == other["weights"].keys()
    assert all(torch.equal(w, other["weights"][name]) for name, w in one["weights"].items())


@pytest.mark.parametrize("stop_at", [1, 4, 6, 8, 11])
def test_an_interrupted_training_keeps_the_same(tmp_path, stop_at):
    steps = (0, 2, 5, 7, 10)
    whole, curve, kept = _small(tmp_path / "whole", Settings(), steps)
    with pytest.raises(InterruptedTrainingError):
        _small(tmp_path / "parts", Settings(), steps, stop_at)
    again, again_curve, again_kept = _small(tmp_path / "parts", Settings(), steps)
    assert again_curve == curve
    assert torch.equal(again[0].weight, whole[0].weight)
    for step in steps:
        _assert_same(again_kept[step], kept[step])


def test_snapshots_change_nothing_and_are_the_weights_on_the_way(tmp_path):
    plain, curve, _ = _small(tmp_path / "plain", Settings())
    model, same_curve, kept = _small(tmp_path / "kept", Settings(), (0, 4))
    assert same_curve == curve
    assert torch.equal(model[0].weight, plain[0].weight)
    assert torch.equal(kept[0]["weights"]["0.weight"], small_network()[0].weight.half())
    assert kept[0]["curve"] == []
    shorter, curve_to_there, _ = _small(tmp_path / "shorter", Settings(), until=4)
    assert torch.equal(kept[4]["weights"]["0.weight"], shorter[0].weight.half())
    assert kept[4]["curve"] == curve_to_there == curve[:4]


def test_the_curve_of_a_snapshot_ends_with_its_step(tmp_path):
    settings = Settings(steps=3 * CURVE_POINTS, checkpoint_every=200)
    _, curve, kept = _small(tmp_path / "kept", settings, (401, 402))
    assert [row["step"] for row in kept[401]["curve"][-2:]] == [399, 401]
    assert kept[402]["curve"] == curve[:134]
    assert _small(tmp_path / "to", settings, until=401)[1] == kept[401]["curve"]


def test_a_snapshot_added_later_restarts_nothing(tmp_path, caplog):
    with pytest.raises(InterruptedTrainingError):
        _small(tmp_path, Settings(), (2,), stop_at=8)
    _, curve, kept = _small(tmp_path, Settings(), (2, 4, 9))
    assert kept[4] is None
    assert kept[2] is not None
    assert kept[9]["curve"] == curve[:9]
    assert "starting afresh" not in caplog.text


def test_what_was_kept_of_other_data_is_not_taken(tmp_path):
    _small(tmp_path, Settings(), (2,))
    assert Snapshots({2: tmp_path / "step-2"}, "other").kept(2) is None


def test_weights_that_are_shared_are_kept_once(tmp_path):
    first = torch.nn.Linear(64, 64, bias=False)
    model = torch.nn.Sequential(first, torch.nn.Linear(64, 64, bias=False))
    model[1].weight = first.weight
    snapshots = Snapshots({1: tmp_path})
    snapshots.keep(1, model, [])
    assert (tmp_path / "state.pt").stat().st_size < 2 * 2 * 64 * 64
    assert snapshots.kept(1)["weights"].keys() == {"0.weight", "1.weight"}


def _text(folder: Path) -> Path:
    lines = (json.dumps({"text": text}) + "\n" for text in sentences(20, seed=4))
    (folder / "text.jsonl").write_text("".join(lines))
    return folder / "text.jsonl"


def _random(folder: Path, **changed) -> Pretraining:
    tiny_tokenizer().save_pretrained(folder / "tokenizer")
    settings = PretrainingConfig(**(SCHEDULE | SETTINGS | changed))
    return Pretraining(_text(folder), settings, tokenizer=folder / "tokenizer", shape=SHAPE)


def _started(folder: Path, **changed) -> Pretraining:
    settings = PretrainingConfig(**(SCHEDULE | SETTINGS | changed))
    return Pretraining(_text(folder), settings, start=Start("folder", str(folder / "start")))


def _files(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _pretrained(given: Pretraining, out: Path, steps=STEPS) -> dict[str, bytes]:
    kept = {step: out / f"kept-{step}" for step in steps}
    make_pretrained_model(given, out / "checkpoints", out / "model", out / "curve.csv", kept)
    assert all(place.is_dir() for place in kept.values())
    return _snapshots(given, out, kept)


def _snapshots(given, out, kept):
    for step, place in kept.items():
        made = out / f"step-{step}"
        make_snapshot(given, step, place, made / "model", made / "curve.csv")
    return _files(out)


def test_a_snapshot_is_a_model_with_its_losses(tmp_path):
    given = _random(tmp_path)
    files = _pretrained(given, tmp_path / "out")
    assert not [name for name in files if name.startswith(("kept", "checkpoints"))]
    weights = {s: load_model(tmp_path / f"out/step-{s}/model").shared.weight for s in STEPS}
    assert torch.equal(weights[0], given.model()[0].shared.weight.half().float())
    assert not torch.equal(weights[3], weights[4])
    for step in STEPS:
        assert len(load_tokenizer(tmp_path / f"out/step-{step}/model")) == len(tiny_tokenizer())
        curve = pd.read_csv(tmp_path / f"out/step-{step}/curve.csv")
        assert list(curve.columns) == ["step", "loss", "learning_rate"]
        assert curve["step"].tolist() == list(range(1, step + 1))


def test_a_snapshot_that_was_not_kept_is_trained_for_itself(tmp_path, caplog):
    given = _random(tmp_path)
    files = _pretrained(given, tmp_path / "kept")
    out = tmp_path / "later"
    make_pretrained_model(given, out / "checkpoints", out / "model", out / "curve.csv")
    with caplog.at_level(logging.INFO, "genir"):
        assert _snapshots(given, out, {step: out / f"kept-{step}" for step in STEPS}) == files
    assert "step 7 was not kept" in caplog.text


@pytest.mark.parametrize("family", CHECKPOINTS)
def test_a_pretraining_goes_on_from_a_model_that_is_there(tmp_path, family):
    write_checkpoint(tmp_path / "start", family)
    before = load_model(tmp_path / "start")
    given = _started(tmp_path, warmup_steps=4)
    files = _pretrained(given, tmp_path / "out", (0, 4))
    assert files == _pretrained(given, tmp_path / "again", (0, 4))
    begun, made = (load_model(tmp_path / "out" / f) for f in ("step-0/model", "model"))
    for model in (begun, made):
        assert (model.lm_head.weight is model.shared.weight) == (family not in UNTIED)
        assert model.config.feed_forward_proj == before.config.feed_forward_proj
        assert model.shared.weight.shape == before.shared.weight.shape
    for name, weight in before.state_dict().items():
        assert torch.equal(begun.state_dict()[name], weight.half().float()), name
    assert not torch.equal(made.shared.weight, begun.shared.weight)
    said = json.loads(files["model/config.json"])
    assert said["tie_word_embeddings"] == (family not in UNTIED)
    assert load_tokenizer(tmp_path / "out/model").get_vocab() == tiny_tokenizer().get_vocab()
    curve = pd.read_csv(tmp_path / "out/curve.csv")
    assert curve["learning_rate"].iloc[0] < curve["learning_rate"].max()


def test_a_start_is_trained_with_the_dropout_of_the_settings(tmp_path):
    write_checkpoint(tmp_path / "start", "t5")
    for rate in (0.0, 0.4):
        model, _ = _started(tmp_path, dropout_rate=rate).model()
        assert model.config.dropout_rate == rate


def test_another_start_is_another_training(tmp_path):
    for family in ("t5", "flan-t5"):
        (tmp_path / family).mkdir()
        write_checkpoint(tmp_path / family / "start", family)
    identities = {_started(tmp_path / family).identity for family in ("t5", "flan-t5")}
    assert len(identities | {_random(tmp_path).identity}) == 3


@pytest.mark.parametrize(("sentinels", "words"), [(0, "has no sentinel tokens"), (1, "has 1 sent")])
def test_a_start_with_too_few_sentinels_is_refused(tmp_path, sentinels, words):
    write_checkpoint(tmp_path / "start", "t5")
    train_tokenizer(sentences(), 50, sentinels).save_pretrained(tmp_path / "start")
    with pytest.raises(ModelError, match=f"start {words}"):
        _pretrained(_started(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_sentinels_are_found_in_their_order():
    tokens = sentinel_tokens(tiny_tokenizer())
    assert tiny_tokenizer().convert_ids_to_tokens(tokens) == list(map(sentinel, range(SENTINELS)))
