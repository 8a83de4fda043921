"""A training gives the same in one process and in two."""

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_text import sentences, tiny_tokenizer
from transformers import T5ForConditionalGeneration
from two_processes import in_two_processes

from genir.base.errors import TrainingError
from genir.engine.dropout import keep
from genir.engine.teacher_forcing import TeacherForcing
from genir.files.checkpoint import Checkpoint
from genir.models.load import add_docids
from genir.training.doc2query.train import GeneratorTraining, build_pairs, train_query_generator
from genir.training.finetuning import FinetuningConfig, build_examples, finetune
from genir.training.pretraining import PretrainingConfig, chunk_texts, pretrain, small_t5_config
from genir.training.processes import Processes, this_process
from genir.training.seq2seq import part_of_loss
from genir.training.snapshots import Snapshots

pytestmark = pytest.mark.usefixtures("on_cpu")

CPU = torch.device("cpu")
SHAPE = {"d_model": 16, "d_ff": 32, "d_kv": 8, "num_heads": 2, "num_layers": 1}
DOCUMENTS = pd.DataFrame({"doc_id": list("abcd"), "title": "", "text": sentences(4, seed=3)})
PAIRS = pd.DataFrame({"text": ["wide foot", "long skull", "a nerve"], "doc_id": list("abc")})
SCHEDULE = {"seed": 1, "steps": 6, "learning_rate": 0.03, "warmup_steps": 2}
SCHEDULE |= {"decay_fraction": 0.2, "dropout_rate": 0.2, "checkpoint_every": 4}


def _model():
    torch.manual_seed(0)
    return T5ForConditionalGeneration(small_t5_config(SHAPE, 0.2, tiny_tokenizer()))


def _finetuned(parts, checkpoint, trainable="all"):
    config = FinetuningConfig(
        **SCHEDULE,
        **{"batch_size": 7, "indexing_ratio": 1.0, "document_tokens": 16, "query_tokens": 8},
        **{"precision": "float32", "accumulation": parts, "gradient_checkpointing": False},
        docid_learning_rate=0.06,
        trainable=trainable,
    )
    model = _model()
    docids = add_docids(model, DOCUMENTS["doc_id"].tolist(), seed=1)
    pieces = tiny_tokenizer().backend_tokenizer
    examples = build_examples(DOCUMENTS, PAIRS, docids, pieces, config)
    return model, finetune(model, examples, config, checkpoint, min(docids.values()))


def _finetuned_in_part(parts, checkpoint):
    return _finetuned(parts, checkpoint, ["docids", "encoder.mlp"])


def _pretrained(parts, checkpoint):
    config = PretrainingConfig(
        **SCHEDULE,
        **{"batch_size": 5, "chunk_tokens": 16, "noise_density": 0.3, "mean_span": 2.0},
        accumulation=parts,
    )
    model, tokenizer = _model(), tiny_tokenizer()
    pieces = chunk_texts(sentences(20, seed=4), tokenizer, 16)
    return model, pretrain(model, tokenizer, pieces, config, checkpoint)


def _generator(parts, checkpoint):
    config = GeneratorTraining(
        **SCHEDULE,
        **{"batch_size": 5, "document_tokens": 16, "query_tokens": 8},
        accumulation=parts,
    )
    model = _model()
    pairs = build_pairs(DOCUMENTS, PAIRS, tiny_tokenizer().backend_tokenizer, config)
    return model, train_query_generator(model, pairs, config, checkpoint)


def _result(trained, parts, folder):
    model, curve = trained(parts, Checkpoint(folder))
    return curve, model.state_dict()


def _save_result(trained, parts, folder):
    result = _result(trained, parts, folder)
    torch.save(result, folder / f"process{this_process().index}.pt")


def _in_two(trained, parts, folder):
    """Curve and weights, which must be the same in both processes."""
    folder.mkdir(exist_ok=True)
    in_two_processes(_save_result, trained, parts, folder)
    files = [folder / f"process{index}.pt" for index in (0, 1)]
    first, second = (torch.load(file, weights_only=True) for file in files)
    _assert_equal(first, second)
    return first


def _assert_equal(one, other):
    assert one[0] == other[0]
    assert all(torch.equal(weight, other[1][name]) for name, weight in one[1].items())


@pytest.mark.parametrize("trained", [_finetuned, _finetuned_in_part, _pretrained, _generator])
def test_two_parts_are_the_same_in_two_processes_to_the_bit(tmp_path, trained):
    alone = _result(trained, 2, tmp_path / "alone")
    _assert_equal(_in_two(trained, 2, tmp_path / "two"), alone)
    assert alone[0] != _result(trained, 1, tmp_path / "whole")[0]


def _keep(folder):
    config = PretrainingConfig(
        **SCHEDULE,
        **{"batch_size": 5, "chunk_tokens": 16, "noise_density": 0.3, "mean_span": 2.0},
        accumulation=2,
    )
    tokenizer = tiny_tokenizer()
    pieces = chunk_texts(sentences(20, seed=4), tokenizer, 16)
    kept = Snapshots({step: folder / f"step-{step}-of-{this_process().index}" for step in (0, 3)})
    pretrain(_model(), tokenizer, pieces, config, Checkpoint(folder / "own"), kept)


def test_the_main_process_alone_keeps_snapshots(tmp_path):
    (tmp_path / "alone").mkdir()
    _keep(tmp_path / "alone")
    in_two_processes(_keep, tmp_path)
    for step in (0, 3):
        assert not (tmp_path / f"step-{step}-of-1").exists()
        name = f"step-{step}-of-0"
        one, other = (Snapshots({0: f / name}).kept(0) for f in (tmp_path / "alone", tmp_path))
        assert one["curve"] == other["curve"]
        assert all(torch.equal(w, other["weights"][name]) for name, w in one["weights"].items())


@pytest.mark.parametrize("trained", [_finetuned, _pretrained, _generator])
def test_more_parts_are_the_same_in_two_processes_but_for_rounding(tmp_path, trained):
    curve, weights = _result(trained, 4, tmp_path / "alone")
    other_curve, other_weights = _in_two(trained, 4, tmp_path / "two")
    for row, other in zip(curve, other_curve, strict=True):
        assert other == pytest.approx(row, rel=1e-6)
    torch.testing.assert_close(other_weights, weights, atol=1e-5, rtol=1e-5)


def test_an_interrupted_training_goes_on_in_any_number_of_processes(tmp_path):
    whole = _result(_finetuned, 2, tmp_path / "whole")
    assert Checkpoint(tmp_path / "whole").load()["step"] == 4
    _assert_equal(_in_two(_finetuned, 2, tmp_path / "whole"), whole)
    _in_two(_finetuned, 2, tmp_path / "two")
    _assert_equal(_result(_finetuned, 2, tmp_path / "two"), whole)


def test_parts_with_other_numbers_of_targets_add_up_to_the_mean_over_the_batch():
    random = np.random.default_rng(1)
    inputs = [random.integers(3, 50, length) for length in (7, 7, 3, 5, 1)]
    targets = [random.integers(3, 50, length) for length in (6, 1, 2, 5, 3)]
    forced = TeacherForcing(_model())
    whole = forced.loss(inputs, targets).item() / 17
    for parts in (1, 2, 3, 5):
        losses = [
            part_of_loss(forced, inputs, targets, part, parts, keep).item() for part in range(parts)
        ]
        assert sum(losses) == pytest.approx(whole, rel=1e-5)


def test_processes_share_the_parts():
    shares = [list(Processes(index, 3, CPU).own_parts(6)) for index in range(3)]
    assert shares == [[0, 3], [1, 4], [2, 5]]
    assert list(Processes(0, 1, CPU).own_parts(5)) == [0, 1, 2, 3, 4]


def test_too_few_parts_are_named_with_what_to_write():
    said = "accumulation: 2 processes .* cannot share a batch in 3 parts; write 2, or a multiple"
    with pytest.raises(TrainingError, match=said):
        Processes(0, 2, CPU).own_parts(3)


def _go_on_elsewhere():
    process = this_process()
    process.check_agreement(4)
    with pytest.raises(TrainingError, match=f"process {process.index} goes on after step"):
        process.check_agreement(4 + process.index)


def test_processes_that_see_different_checkpoints_stop():
    in_two_processes(_go_on_elsewhere)


def test_fewer_gpus_than_processes_are_refused(monkeypatch):
    this_process.cache_clear()
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setattr("genir.training.processes.best_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(TrainingError, match="4 processes on a machine with 2 GPUs"):
        this_process()
