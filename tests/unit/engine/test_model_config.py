"""config.json of a T5: what is left out, and what is not computed."""

import json

import pytest
from family_checkpoints import CHECKPOINTS, change_config, write_checkpoint
from transformers import MT5Config, T5Config, UMT5Config

from genir.base.errors import ModelError
from genir.engine.model_config import DEFAULTS, complete_config, read_config
from genir.engine.t5 import load_t5
from genir.models.load import load_model


@pytest.fixture
def folder(tmp_path):
    write_checkpoint(tmp_path / "model", "t5")
    return tmp_path / "model"


@pytest.mark.parametrize("read", [load_t5, load_model])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"quantization_config": {"load_in_8bit": True, "quant_method": "bitsandbytes"}},
         "quantised .*quant_method bitsandbytes"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "quant_method gptq, bits 4"),
        ({"quantization_config": {}}, "quantised"),
        ({"quantization_config": "fp8"}, "quant_method fp8"),
        ({"transformers_weights": "other.safetensors"}, "transformers_weights"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads"),
        ({"tie_encoder_decoder": True}, "tie_encoder_decoder"),
        ({"dense_act_fn": "gelu_new"}, "dense_act_fn is 'gelu_new', but feed_forward_proj 'relu'"),
        ({"is_gated_act": True}, "is_gated_act is True"),
        ({"hidden_size": 32}, "hidden_size is 32 and d_model is 16"),
        ({"d_model": "16"}, "d_model is '16'; write a whole number"),
        ({"d_model": 16.0}, "d_model is 16.0"),
        ({"num_heads": True}, "num_heads is True"),
        ({"num_decoder_layers": 0}, "num_decoder_layers is 0"),
        ({"d_kv": -4}, "d_kv is -4"),
        ({"layer_norm_epsilon": float("nan")}, "layer_norm_epsilon is nan"),
        ({"layer_norm_epsilon": "1e-6"}, "layer_norm_epsilon is '1e-6'"),
        ({"decoder_start_token_id": 10_000}, "decoder_start_token_id is 10000; .* last row"),
        ({"pad_token_id": -1}, "pad_token_id is -1"),
        ({"eos_token_id": [1, "2"]}, "eos_token_id is"),
        ({"tie_word_embeddings": "false"}, "tie_word_embeddings is 'false'; write true or false"),
        ({"model_type": "bert"}, "model_type 'bert' is not a T5"),
    ],
)  # fmt: skip
def test_a_configuration_that_is_not_computed_is_refused(folder, read, values, message):
    change_config(folder, **values)
    with pytest.raises(ModelError, match=message) as caught:
        read(folder)
    assert "config.json" in str(caught.value)


def test_an_adapter_is_refused(folder):
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"holds an adapter.*merge"):
        load_model(folder)


@pytest.mark.parametrize(
    ("family", "config"), [("t5", T5Config), ("mt5", MT5Config), ("umt5", UMT5Config)]
)
def test_what_is_left_out_is_what_transformers_takes(family, config):
    ours, theirs = complete_config({"model_type": family}), config()
    assert {key: getattr(theirs, key) for key in DEFAULTS[family] if key in theirs.to_dict()} == {
        key: ours[key] for key in DEFAULTS[family] if key in theirs.to_dict()
    }
    assert ours["num_decoder_layers"] == theirs.num_decoder_layers


@pytest.mark.parametrize("family", CHECKPOINTS)
def test_keys_with_their_default_may_be_left_out(tmp_path, family):
    write_checkpoint(tmp_path, family)
    whole, path = load_t5(tmp_path).architecture, tmp_path / "config.json"
    config = read_config(tmp_path)
    default = DEFAULTS[config["model_type"]]
    said = json.loads(path.read_text())
    path.write_text(
        json.dumps({k: v for k, v in said.items() if k not in default or default[k] != v})
    )
    assert load_t5(tmp_path).architecture == whole
