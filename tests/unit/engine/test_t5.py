import json

import pytest
import torch
from plain_t5 import ALL_FAMILIES, docid_tokens, plain_logits, random_inputs, small_model
from safetensors.torch import load_file, save_file

from genir.base.errors import ModelError
from genir.engine.decoder import LeanDecoder
from genir.engine.encoder import LeanEncoder, token_batch
from genir.engine.t5 import Architecture, load_t5, t5_of

families = pytest.mark.parametrize("family", ALL_FAMILIES)


def _logits(model):
    ids, mask = random_inputs()
    batch = token_batch([row[kept.bool()].numpy() for row, kept in zip(ids, mask, strict=True)])
    decoder = LeanDecoder(model, docid_tokens())
    with torch.no_grad():
        memory = decoder.memory(LeanEncoder(model)(batch), batch.layout)
    return decoder.unembedding.logits(decoder.trace(memory).states[-1])


@families
def test_a_saved_model_computes_what_the_model_does(family, tmp_path):
    model = small_model(family)
    model.save_pretrained(tmp_path)
    loaded = load_t5(tmp_path)
    assert loaded.architecture == t5_of(model).architecture
    torch.testing.assert_close(
        _logits(loaded), plain_logits(model, *random_inputs()), atol=1e-4, rtol=1e-5
    )
    assert (loaded.head is loaded.embedding) == (family == "relu-tied")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_with_in_float32(dtype, tmp_path):
    model = small_model()
    model.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    save_file({name: weight.to(dtype) for name, weight in load_file(path).items()}, path)
    embedding = load_t5(tmp_path).embedding
    assert embedding.dtype == torch.float32
    assert torch.equal(embedding, model.shared.weight.to(dtype).float())


def test_tensors_that_are_not_asked_for_are_not_read(tmp_path):
    small_model().save_pretrained(tmp_path)
    model = load_t5(tmp_path)
    assert not model.weights._read
    LeanEncoder(model)
    assert not [name for name in model.weights._read if name.startswith("decoder.")]


def test_weights_in_several_files_are_found(tmp_path):
    model = small_model()
    model.save_pretrained(tmp_path, max_shard_size="4KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    torch.testing.assert_close(
        _logits(load_t5(tmp_path)), plain_logits(model, *random_inputs()), atol=1e-4, rtol=1e-5
    )


def _broken(folder, how):
    small_model().save_pretrained(folder)
    path, config = folder / "model.safetensors", folder / "config.json"
    if how == "no config":
        config.unlink()
    elif how == "no weights":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:2000])
    elif how == "layer missing":
        tensors = load_file(path)
        save_file({n: t for n, t in tensors.items() if "block.2.layer.2.layer_norm" not in n}, path)
    else:
        values = json.loads(config.read_text())
        config.write_text(json.dumps(values | {"feed_forward_proj": "swish"}))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no config", "has no config.json; name a folder written by save_pretrained"),
        ("no weights", "has no weights in safetensors; other formats"),
        ("truncated", "cannot be loaded as a T5 model"),
        ("layer missing", r"1 missing: decoder.block.2.layer.2.layer_norm.weight; name"),
        ("activation", "feed_forward_proj 'swish' is not known; this engine computes relu"),
    ],
)
def test_a_folder_that_is_no_t5_is_explained(how, message, tmp_path):
    _broken(tmp_path, how)
    with pytest.raises(ModelError, match=message) as caught:
        load_t5(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, ("relu", False, 64**-0.5)),
        ({"feed_forward_proj": "gated-gelu"}, ("gelu_new", True, 64**-0.5)),
        (
            {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
            ("gelu_new", True, 1.0),
        ),
        ({"scale_decoder_outputs": False, "tie_word_embeddings": True}, ("relu", False, 1.0)),
        ({"model_type": "mt5"}, ("gelu_new", True, 1.0)),
    ],
)
def test_activation_and_scale_follow_from_the_config(config, expected):
    sizes = {"d_model": 64, "d_kv": 8, "d_ff": 32, "num_heads": 2, "num_layers": 3}
    found = Architecture.from_config(sizes | config)
    assert (found.activation, found.gated, found.scale) == expected
    assert found.decoder_layers == 3
