"""Model folders read and written without transformers, beside what it makes of them."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from plain_t5 import FAMILIES, small_model
from tiny_text import tiny_tokenizer

from genir.base.errors import ModelError
from genir.base.paths import REPOSITORY
from genir.engine.one_step import OneStep
from genir.files.io import read_json, write_json
from genir.models.load import add_docids, load_start, load_weights, save_model
from genir.models.plain import PlainT5, can_be_plain
from genir.models.start import Start

MINI_T5 = REPOSITORY / "resources/mini-t5"
DOC_IDS = [f"d{i}" for i in range(30)]


@pytest.fixture(params=FAMILIES)
def start(request, tmp_path):
    """A folder that transformers wrote."""
    folder = tmp_path / "start"
    small_model(request.param).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return Start("folder", str(folder))


def grown(loaded, folder):
    """The files of what is loaded, with docids, as it is saved."""
    model, tokenizer = loaded
    folder.mkdir()
    save_model(folder, model, tokenizer, add_docids(model, DOC_IDS, seed=3))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_grows_to_the_same_bytes_with_and_without_transformers(start, tmp_path):
    plain = load_weights(start, 1)
    assert type(plain[0]) is PlainT5
    assert grown(plain, tmp_path / "plain") == grown(load_start(start, 1), tmp_path / "whole")


def test_the_mini_t5_grows_to_the_same_bytes_with_and_without_transformers(tmp_path):
    start = Start("folder", str(MINI_T5))
    plain = load_weights(start, 1)
    assert type(plain[0]) is PlainT5
    assert grown(plain, tmp_path / "plain") == grown(load_start(start, 1), tmp_path / "whole")


def test_weights_and_gradients_are_those_of_the_whole_model(start):
    (plain, _), (whole, _) = load_weights(start, 1), load_start(start, 1)
    assert plain.num_parameters() == whole.num_parameters()
    inputs = [np.array([5, 9, 3, 1]), np.array([7, 1])]
    for model in (plain, whole):
        OneStep(model).logits(inputs).square().sum().backward()
    of_whole = dict(whole.named_parameters())
    assert dict(plain.named_parameters()).keys() == of_whole.keys()
    for name, weight in plain.named_parameters():
        other = of_whole[name]
        assert torch.equal(weight, other), name
        assert (weight.grad is None) == (other.grad is None), name
        assert weight.grad is None or torch.equal(weight.grad, other.grad), name


def changed(folder, file, **values):
    path = folder / file
    write_json(path, read_json(path) | values)


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"transformers_version": "4.30.0"}),
        ("generation_config.json", {"transformers_version": "4.30.0"}),
        ("config.json", {"model_type": "mt5"}),
        ("tokenizer_config.json", {"backend": "sentencepiece"}),
        ("tokenizer.json", {"padding": {"strategy": "BatchLongest"}}),
        ("tokenizer.json", {"truncation": {"max_length": 3}}),
    ],
)
def test_a_folder_that_transformers_would_write_otherwise_is_not_plain(tmp_path, file, values):
    small_model().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    assert can_be_plain(tmp_path)
    changed(tmp_path, file, **values)
    assert not can_be_plain(tmp_path)


@pytest.mark.parametrize("file", ["generation_config.json", "tokenizer_config.json"])
def test_nor_is_one_that_lacks_a_file(tmp_path, file):
    small_model().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    (tmp_path / file).unlink()
    assert not can_be_plain(tmp_path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    model = small_model()
    model.shared.weight.data[0, 0] = torch.nan
    model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="not finite"):
        load_weights(Start("folder", str(tmp_path)), 1)


def test_a_training_from_such_a_folder_imports_neither_transformers_nor_torchs_compiler():
    code = """
import json, sys, torch
from genir.models.load import load_weights
from genir.models.start import Start
from genir.training import finetuned_model
from genir.training.optimization import CpuAdafactor
model, _ = load_weights(Start("folder", sys.argv[1]), 1)
optimizer = CpuAdafactor(model.parameters())
optimizer.zero_grad()
optimizer.load_state_dict(optimizer.state_dict())
print(json.dumps([name for name in ("transformers", "torch._dynamo") if name in sys.modules]))
"""
    command = [sys.executable, "-c", code, str(MINI_T5)]
    here = os.environ | {"PYTHONPATH": str(REPOSITORY / "workflow/lib")}
    said = subprocess.run(command, env=here, capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == []
