"""A script that is killed with SIGKILL, at whatever moment, ends as if nothing had happened."""

import multiprocessing
import os
import signal
import sys

import finetune
import generate_queries
import numpy as np
import pandas as pd
import pretrain
import pretrain_snapshot
import pytest
import train_query_generator
from safetensors.torch import load_file, save_file
from tiny_training import FINETUNING, LENGTHS, SCHEDULE, SHAPE, training_files, write_inputs

from genir.base.progress import Progress
from genir.files.checkpoint import Checkpoint
from genir.models.start import Start
from genir.training.doc2query.sample import Sampling
from genir.training.doc2query.train import GeneratorTraining
from genir.training.outputs import FinetuningOutputs
from genir.training.pretraining import PretrainingConfig

pytestmark = pytest.mark.usefixtures("on_cpu")

PRETRAINING = PretrainingConfig(
    **SCHEDULE, **{"batch_size": 3, "chunk_tokens": 16, "noise_density": 0.3, "mean_span": 2.0}
)


@pytest.fixture
def inputs(tmp_path):
    return write_inputs(tmp_path / "inputs")


def _trained(module, settings, inputs, out, **more):
    outputs = (out / name for name in ("model", "curve.csv", "run.json", "checkpoints"))
    module.main(
        data=training_files(inputs),
        start=Start("folder", str(inputs / "start")),
        settings=settings,
        outputs=FinetuningOutputs(*outputs),
        **more,
    )


def _finetune(inputs, out):
    _trained(finetune, FINETUNING, inputs, out)


def _finetune_reduced(inputs, out):
    _trained(finetune, FINETUNING, inputs, out, removed=inputs / "removed.csv", removed_set=1)


def _train_query_generator(inputs, out):
    settings = GeneratorTraining(**SCHEDULE, **LENGTHS, batch_size=3)
    _trained(train_query_generator, settings, inputs, out)


def _pretrain(inputs, out):
    pretrain.main(
        *(inputs / "text.jsonl", PRETRAINING),
        *(out / name for name in ("checkpoints", "model", "curve.csv")),
        **{"tokenizer": inputs / "start", "shape": SHAPE},
    )


def _pretrain_with_snapshots(inputs, out):
    """The models after some steps, which need the weights that a killed training has kept."""
    given = {"tokenizer": inputs / "start", "shape": SHAPE}
    kept = {step: out / f"kept/step-{step}" for step in (0, 2, 3, 8)}
    text, made = inputs / "text.jsonl", [out / name for name in ("state", "model", "curve.csv")]
    pretrain.main(text, PRETRAINING, *made, **given, snapshots=kept)
    assert all(list(place.iterdir()) for place in kept.values())
    for step, place in kept.items():
        of_step = [out / f"step-{step}" / name for name in ("model", "curve.csv")]
        pretrain_snapshot.main(text, PRETRAINING, step, place, *of_step, **given)


def _generate_queries(inputs, out):
    generate_queries.main(
        *(inputs / "documents.parquet", inputs / "queries.parquet", inputs / "start", True),
        *(out / "queries.parquet", out / "manifest.json"),
        sampling=Sampling(4, 10, 1.0, 16, 8, 1),
        checkpoints=out / "checkpoints",
    )


class Watch:
    """Called by Python at every call and return of a function: counts these events, notes when a
    checkpoint is begun and ended, and kills its process `events` after the begin of checkpoint
    number `save`, if it has such an end."""

    def __init__(self, save: int = 0, events: int = 0) -> None:
        self.save, self.events = save, events
        self.now, self.begun, self.ended = 0, [], []

    def __call__(self, frame, event, argument) -> None:
        self.now += 1
        if frame.f_code is Checkpoint.save.__code__ and event in ("call", "return"):
            (self.begun if event == "call" else self.ended).append(self.now)
        has_begun = 0 < self.save <= len(self.begun)
        if has_begun and self.now == self.begun[self.save - 1] + self.events:
            os.kill(os.getpid(), signal.SIGKILL)


def _run(script, inputs, out, watch):
    sys.setprofile(watch)
    try:
        script(inputs, out)
    finally:
        sys.setprofile(None)
    return watch


def _killed(script, inputs, out, watch):
    process = multiprocessing.get_context("fork").Process(
        target=_run, args=(script, inputs, out, watch)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, vars(watch)


def _files(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


SCRIPTS = [_finetune, _finetune_reduced, _pretrain, _train_query_generator, _generate_queries]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_killed_script_goes_on_and_ends_the_same(inputs, tmp_path, monkeypatch, script):
    monkeypatch.setattr("genir.training.doc2query.sample.SEQUENCES_PER_BATCH", 4)
    monkeypatch.setattr("genir.training.doc2query.sample.BATCHES_PER_CHECKPOINT", 1)
    random = np.random.default_rng(sum(script.__name__.encode()))
    whole, out = _run(script, inputs, tmp_path / "whole", Watch()), tmp_path / "killed"
    saves, save = len(whole.begun), whole.ended[1] - whole.begun[1]
    states = lambda: [path.name for path in out.rglob("state.*")]  # noqa: E731

    _killed(script, inputs, out, Watch(1, 4 * save // 5))
    assert [path.rpartition(".")[2] for path in states()] == ["partial"]
    between = whole.begun[2] - whole.ended[1]
    _killed(script, inputs, out, Watch(1, save + random.integers(1, between)))
    assert states() == ["state.pt"]
    _killed(script, inputs, out, Watch(2, random.integers(save // 2, save)))
    assert len(states()) == 2
    after = whole.now - whole.ended[-1]
    _killed(script, inputs, out, Watch(saves - 2, save + random.integers(1, 0.9 * after)))
    assert states() == ["state.pt"]

    assert not _run(script, inputs, out, Watch()).begun
    assert _files(out) == _files(tmp_path / "whole")
    assert len(_files(out)) > 1


def test_a_killed_pretraining_keeps_the_same_snapshots(inputs, tmp_path):
    script, out = _pretrain_with_snapshots, tmp_path / "killed"
    whole = _run(script, inputs, tmp_path / "whole", Watch())
    random = np.random.default_rng(1)
    assert len(whole.begun) == 4 + len(range(2, PRETRAINING.steps, 2))
    for save in range(1, 5):
        _killed(script, inputs, out, Watch(save, random.integers(1, 2000)))
    _run(script, inputs, out, Watch())
    assert _files(out) == _files(tmp_path / "whole")
    assert not [name for name in _files(out) if name.startswith(("kept", "state"))]


class StoppedError(Exception):
    pass


def _stop(script, inputs, out):
    def update(self, done, note=""):
        if done == 5:
            raise StoppedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Progress, "update", update)
        with pytest.raises(StoppedError):
            script(inputs, out)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_after_an_edit_of_what_it_reads_a_script_starts_afresh(
    inputs, tmp_path, monkeypatch, caplog, script
):
    monkeypatch.setattr("genir.training.doc2query.sample.SEQUENCES_PER_BATCH", 4)
    monkeypatch.setattr("genir.training.doc2query.sample.BATCHES_PER_CHECKPOINT", 1)
    _stop(script, inputs, tmp_path / "edited")
    assert list((tmp_path / "edited").rglob("state.pt"))
    _edit(inputs)
    script(inputs, tmp_path / "edited")
    assert caplog.text.count("is of other data: starting afresh") == 1
    script(inputs, tmp_path / "fresh")
    assert _files(tmp_path / "edited") == _files(tmp_path / "fresh")


def _edit(inputs):
    """One word of the text, and of the documents the order."""
    text = inputs / "text.jsonl"
    text.write_text(text.read_text().replace("foot", "feet", 1))
    pd.read_parquet(inputs / "documents.parquet")[::-1].to_parquet(inputs / "documents.parquet")


def test_another_start_is_other_data(inputs, tmp_path, caplog):
    _stop(_finetune, inputs, tmp_path)
    weights = load_file(inputs / "start/model.safetensors")
    name = sorted(weights)[0]
    save_file(
        weights | {name: weights[name] + 1}, inputs / "start/model.safetensors", {"format": "pt"}
    )
    _finetune(inputs, tmp_path)
    assert "is of other data: starting afresh" in caplog.text
