import json
from functools import cache

import pytest
import torch
from plain_t5 import ALL_FAMILIES, plain_logits, random_inputs, small_model
from safetensors.torch import load_file, save_file
from tiny_text import tiny_tokenizer

from genir.base.errors import ModelError
from genir.models.docids import load_docids
from genir.models.load import (
    add_docids,
    load_model,
    load_start,
    load_tokenizer,
    random_model,
    save_model,
)
from genir.models.start import Start

DOC_IDS = [f"d{i}" for i in range(30)]
families = pytest.mark.parametrize("family", ALL_FAMILIES)


def _saved(folder, family="relu-tied"):
    model = small_model(family)
    save_model(folder, model, tiny_tokenizer(), {"d0": 99})
    return model


@cache
def _grown(family):
    model = small_model(family)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    return model, before, add_docids(model, DOC_IDS, seed=7)


@families
def test_docid_rows_follow_the_last_row(family):
    model, before, docids = _grown(family)
    rows = len(before["shared.weight"])
    assert docids == {doc_id: rows + i for i, doc_id in enumerate(DOC_IDS)}
    assert model.shared.weight.shape[0] == model.lm_head.weight.shape[0] == rows + 30
    for config in (model.config, model.encoder.config, model.decoder.config):
        assert config.vocab_size == rows + 30


@families
def test_everything_but_the_new_rows_is_unchanged(family):
    model, before, _ = _grown(family)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight[: len(before[name])], before[name]), name


@families
def test_encoder_and_decoder_read_the_new_embedding(family):
    model, _, _ = _grown(family)
    assert model.encoder.embed_tokens.weight is model.shared.weight
    assert model.decoder.embed_tokens.weight is model.shared.weight


@families
def test_new_rows_are_spread_like_the_old_ones(family):
    model, before, _ = _grown(family)
    for name in ("shared.weight", "lm_head.weight"):
        new = model.state_dict()[name][len(before[name]) :]
        unit = torch.nn.functional.normalize(new, dim=1)
        cosines = (unit @ unit.T)[~torch.eye(len(new), dtype=torch.bool)]
        assert cosines.mean().abs() < 0.1
        assert cosines.max() < 0.95
        torch.testing.assert_close(new.std(), before[name].std(), rtol=0.15, atol=0)


@families
def test_tying_outlives_growing_saving_and_loading(family, tmp_path):
    model, before, docids = _grown(family)
    save_model(tmp_path, model, tiny_tokenizer(), docids)
    for each in (model, load_model(tmp_path)):
        assert (each.lm_head.weight is each.shared.weight) == (family == "relu-tied")
    if family == "gated-untied":
        head = load_model(tmp_path).lm_head.weight
        assert torch.equal(head[: len(before["lm_head.weight"])], before["lm_head.weight"])
        assert not torch.equal(head[-30:], model.shared.weight[-30:])


@families
def test_grown_model_still_gives_the_old_logits(family):
    model, before, _ = _grown(family)
    inputs = random_inputs()
    old = plain_logits(small_model(family), *inputs)
    new = plain_logits(model, *inputs)
    torch.testing.assert_close(new[:, : len(before["shared.weight"])], old)


def test_new_rows_depend_on_the_seed_alone():
    def new_rows(seed):
        model = small_model()
        torch.manual_seed(torch.seed())
        add_docids(model, DOC_IDS, seed)
        return model.shared.weight[-30:]

    assert torch.equal(new_rows(1), new_rows(1))
    assert not torch.equal(new_rows(1), new_rows(2))


@families
def test_a_saved_model_gives_equal_logits(family, tmp_path):
    model = _saved(tmp_path, family)
    loaded = load_model(tmp_path)
    inputs = random_inputs()
    assert torch.equal(plain_logits(loaded, *inputs), plain_logits(model, *inputs))
    assert not loaded.training
    assert load_docids(tmp_path / "docids.json", 100) == {"d0": 99}
    assert load_tokenizer(tmp_path)("foot")["input_ids"] == tiny_tokenizer()("foot")["input_ids"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_load_as_float32(tmp_path, dtype):
    model = _saved(tmp_path)
    path = tmp_path / "model.safetensors"
    halves = {name: weight.to(dtype) for name, weight in load_file(path).items()}
    save_file(halves, path, metadata={"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"dtype": str(dtype)[6:]}))
    loaded = load_model(tmp_path)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    expected = model.shared.weight.to(dtype).float()
    assert torch.equal(loaded.shared.weight, expected)


def test_a_random_model_depends_on_the_seed_alone(tmp_path):
    config = _saved(tmp_path).config
    first = random_model(config, 1).state_dict()
    torch.rand(5)
    again, other = random_model(config, 1).state_dict(), random_model(config, 2).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["shared.weight"], other["shared.weight"])


def test_the_three_starts(tmp_path):
    saved = _saved(tmp_path)
    folder, tokenizer = load_start(Start("folder", path=str(tmp_path)), 1)
    drawn, same_tokenizer = load_start(Start("random", path=str(tmp_path)), 1)
    assert torch.equal(folder.shared.weight, saved.shared.weight)
    assert drawn.shared.weight.shape == saved.shared.weight.shape
    assert not torch.equal(drawn.shared.weight, saved.shared.weight)
    assert not drawn.training
    assert tokenizer.get_vocab() == same_tokenizer.get_vocab()


@pytest.mark.parametrize("load", [load_model, load_tokenizer])
def test_a_folder_without_a_model_is_named(tmp_path, load):
    with pytest.raises(ModelError, match=f"{tmp_path} has no config.json; name a folder"):
        load(tmp_path)


def test_a_model_without_weights_is_named(tmp_path):
    _saved(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=f"{tmp_path} has no weights in safetensors"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 5, "b": 5}', r"docids 'a' and 'b' share token 5"),
        ('{"a": 10}', r"docid 'a' has token 10; write a whole number from 0 to 9"),
        ('{"a": -1}', r"docid 'a' has token -1"),
        ('{"a": "5"}', r"docid 'a' has token '5'"),
        ('{"a": 1.5}', r"docid 'a' has token 1.5"),
        ('{"a": true}', r"docid 'a' has token True"),
        ("[1, 2]", r"must be a JSON object"),
        ("{}", r"must be a JSON object"),
        ("{", r"is not a docid mapping"),
    ],
)
def test_a_wrong_docid_mapping_is_explained(tmp_path, content, message):
    path = tmp_path / "docids.json"
    path.write_text(content)
    with pytest.raises(ModelError, match=message) as caught:
        load_docids(path, 10)
    assert str(path) in str(caught.value)


def test_a_missing_docid_mapping_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"docids.json is not a docid mapping"):
        load_docids(tmp_path / "docids.json", 10)
