"""Model folders as people have them: right, or one error before anything is computed."""

import json
import logging

import pytest
import torch
from family_checkpoints import CHECKPOINTS, write_checkpoint, write_finetuned
from plain_t5 import small_model
from safetensors.torch import load_file, save_file
from tiny_text import tiny_tokenizer
from transformers import MT5Config, T5Config

from genir.analyses.rank_queries import rank_queries
from genir.base.errors import AnalysisError, ModelError
from genir.engine.model_config import DEFAULTS, complete_config, read_config
from genir.engine.model_files import checkpoint_files, files_read
from genir.engine.t5 import load_t5
from genir.models.import_folder import import_checkpoint
from genir.models.load import load_model, load_start
from genir.models.start import Start, start_files
from genir.subjects.blocks import Limits
from genir.subjects.subject import load_subject

INDEX = "model.safetensors.index.json"
families = pytest.mark.parametrize("family", CHECKPOINTS)
readers = pytest.mark.parametrize("read", [lambda f: load_t5(f).weights.check_all(), load_model])


@pytest.fixture(params=["t5"])
def folder(tmp_path, request):
    write_checkpoint(tmp_path / "model", request.param)
    return tmp_path / "model"


def _tensors(folder, change):
    tensors = load_file(folder / "model.safetensors")
    changed = change(tensors)
    save_file(changed or tensors, folder / "model.safetensors", metadata={"format": "pt"})


def _filled(name, value, values):
    """The first `values` numbers of a tensor are `value`."""

    def change(tensors):
        tensors[name].view(-1)[:values] = value

    return change


def _config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def _shards(folder, drop_index=False):
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    shard_of = {}
    for number in (1, 2):
        part = dict(list(tensors.items())[number - 1 :: 2])
        file = f"model-0000{number}-of-00002.safetensors"
        save_file(part, folder / file, metadata={"format": "pt"})
        shard_of |= dict.fromkeys(part, file)
    if not drop_index:
        (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": shard_of}))
    return shard_of


# --- numbers that are none


@readers
@families
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_weight_that_is_no_number_is_named(tmp_path, family, read, value):
    write_checkpoint(tmp_path, family)
    name = "decoder.block.2.layer.2.DenseReluDense.wo.weight"
    _tensors(tmp_path, _filled(name, value, 2))
    said = rf"model.safetensors: tensor {name}: 2 of 384 values are not finite"
    with pytest.raises(ModelError, match=said):
        read(tmp_path)


@readers
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_checked_too(folder, read, dtype):
    name = "encoder.final_layer_norm.weight"

    def convert(tensors):
        return {n: t.to(dtype) for n, t in tensors.items()}

    _tensors(folder, convert)
    read(folder)
    _tensors(folder, _filled(name, float("nan"), 16))
    with pytest.raises(ModelError, match=f"tensor {name}: 16 of 16 values are not finite"):
        read(folder)


@readers
def test_what_float32_cannot_hold_is_refused(folder, read):
    name = "shared.weight"
    _tensors(folder, lambda tensors: {n: t.double() for n, t in tensors.items()})
    _tensors(folder, _filled(name, 1e200, 1))
    with pytest.raises(ModelError, match=rf"{name}: 1 of \d+ values are too large for float32"):
        read(folder)


# --- which files are the checkpoint


@families
def test_files_beside_the_checkpoint_are_named_and_not_read(tmp_path, family, caplog):
    write_checkpoint(tmp_path, family)
    before = load_t5(tmp_path).embedding
    tensors = load_file(tmp_path / "model.safetensors")
    save_file({n: t + 1 for n, t in tensors.items()}, tmp_path / "model_ema.safetensors")
    save_file({"z": torch.ones(1)}, tmp_path / "optimizer.safetensors")
    with caplog.at_level(logging.WARNING):
        assert torch.equal(load_t5(tmp_path).embedding, before)
    assert "model_ema.safetensors, optimizer.safetensors not read" in caplog.text
    assert torch.equal(load_model(tmp_path).shared.weight, before)
    names = {path.name for path in files_read(tmp_path)}
    assert "model.safetensors" in names
    assert not {"model_ema.safetensors", "optimizer.safetensors"} & names


def test_one_file_goes_before_shards_as_in_transformers(folder, caplog):
    tensors = load_file(folder / "model.safetensors")
    _shards(folder)
    other = {n: t + 1 for n, t in tensors.items()}
    save_file(other, folder / "model.safetensors", metadata={"format": "pt"})
    with caplog.at_level(logging.WARNING):
        assert torch.equal(load_t5(folder).embedding, other["shared.weight"])
    assert "model-00001-of-00002.safetensors" in caplog.text
    assert torch.equal(load_model(folder).shared.weight, other["shared.weight"])
    assert checkpoint_files(folder) == [folder / "model.safetensors"]


def test_shards_are_read_as_the_index_says(folder):
    before = dict(load_t5(folder).weights)
    _shards(folder)
    after = load_t5(folder).weights
    assert set(after) == set(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert torch.equal(load_model(folder).shared.weight, before["shared.weight"])
    start = start_files(Start("folder", str(folder)))
    assert set(checkpoint_files(folder)) <= set(start)
    assert len(checkpoint_files(folder)) == 3


def _without_a_shard(folder):
    _shards(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()


def _tensor_not_in_its_shard(folder):
    shard_of = _shards(folder)
    path = folder / "model-00001-of-00002.safetensors"
    save_file({n: t for n, t in load_file(path).items() if n != next(iter(shard_of))}, path)


def _tensor_not_in_the_index(folder):
    shard_of = _shards(folder)
    shard_of.pop(next(iter(shard_of)))
    (folder / INDEX).write_text(json.dumps({"weight_map": shard_of}))


def _shard_elsewhere(folder):
    shard_of = _shards(folder) | {"shared.weight": "../model.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": shard_of}))


@readers
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_a_shard, r"lacks model-00002-of-00002.safetensors, which .*index.json names"),
        (_tensor_not_in_its_shard, r"do not belong together: \S+ is not in model-00001"),
        (_tensor_not_in_the_index, r"is in model-00001\S+, which the index does not say"),
        (_shard_elsewhere, r"index.json must say .* files of the same folder"),
        (lambda f: _shards(f, drop_index=True), r"has neither model.safetensors nor .*only model-"),
        (lambda f: _shards(f) and (f / INDEX).write_text("[]"), "index.json must be a JSON object"),
        (
            lambda f: _shards(f) and (f / INDEX).write_text("{}"),
            'index.json must say {"weight_map"',
        ),
        (
            lambda f: (f / "model.safetensors").rename(f / "model.fp16.safetensors"),
            "only model.fp16.safetensors; rename the right file",
        ),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "convert it once"),
    ],
)
def test_what_a_checkpoint_lacks_is_named(folder, read, damage, message):
    damage(folder)
    with pytest.raises(ModelError, match=message):
        read(folder)
    assert files_read(folder)


# --- all tensors, and nothing else


def _renamed(prefix):
    return lambda tensors: {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _without(*parts):
    return lambda tensors: {n: t for n, t in tensors.items() if not any(p in n for p in parts)}


def _with(name, shape):
    return lambda tensors: tensors | {name: torch.zeros(shape)}


@readers
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_renamed("model."), r"\d+ missing: shared.weight, .* more; \d+ unexpected: model\."),
        (_renamed("module."), r"\d+ missing: .*; \d+ unexpected: module\."),
        (_without("block.1.layer.1."), r"missing: encoder.block.1.layer.1.DenseReluDense.wi.weig"),
        (_without("relative_attention_bias"), r"2 missing: encoder.block.0.*relative_attention"),
        (_without("final_layer_norm"), r"2 missing: encoder.final_layer_norm"),
        (_without("decoder."), r"missing: decoder\.block\.0"),
        (_with("decoder.block.3.layer.0.layer_norm.weight", 16), "1 unexpected: decoder.block.3"),
        (_with("lora_A.weight", (2, 2)), "1 unexpected: lora_A.weight"),
        (_with("classification_head.dense.weight", (2, 2)), "1 unexpected: classification_head"),
        (
            _with("encoder.final_layer_norm.weight", 17),
            r"1 of another shape: encoder.final_layer_norm.weight is \[17\], .* means \[16\]",
        ),
    ],
)
def test_what_is_missing_and_unexpected_is_said_at_once(folder, read, change, message):
    _tensors(folder, change)
    with pytest.raises(ModelError, match=message):
        read(folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_layers": 1}, r"unexpected: encoder\.block\.1"),
        ({"num_decoder_layers": 4}, r"missing: decoder\.block\.3"),
        ({"vocab_size": 60}, r"another shape: shared.weight is \[\d+, 16\], .* means \[60, 16\]"),
        ({"num_heads": 4}, "of another shape"),
        ({"relative_attention_num_buckets": 16}, "2 of another shape: .*relative_attention_bias"),
        ({"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu_new", "is_gated_act": True},
         "missing: .*wi_0"),
    ],
)  # fmt: skip
@readers
def test_weights_of_another_configuration_are_refused(folder, read, values, message):
    _config(folder, **values)
    with pytest.raises(ModelError, match=message):
        read(folder)


def test_an_untied_model_needs_its_output_projection(tmp_path):
    write_checkpoint(tmp_path, "flan-t5")
    _tensors(tmp_path, _without("lm_head"))
    with pytest.raises(ModelError, match=r"1 missing: lm_head\.weight"):
        load_model(tmp_path)


@families
def test_known_copies_are_optional_and_must_agree(tmp_path, family):
    write_checkpoint(tmp_path, family)
    rows = load_t5(tmp_path).embedding.clone()
    old = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    copy = "encoder.embed_tokens.weight"
    more = {copy: rows, "decoder.embed_tokens.weight": rows.clone(), old: torch.ones(32, 3)}
    _tensors(tmp_path, lambda tensors: tensors | more)
    model = load_t5(tmp_path)
    assert not set(more) & set(model.weights)
    assert torch.equal(model.embedding, rows)
    assert torch.equal(load_model(tmp_path).encoder.embed_tokens.weight, rows)
    _tensors(tmp_path, lambda tensors: tensors | {copy: rows + 1})
    for read in (load_t5, load_model):
        with pytest.raises(ModelError, match=f"{copy} differs from shared.weight"):
            read(tmp_path)


# --- encodings


@readers
@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (torch.int8, "I8"),
        (torch.uint8, "U8"),
        (torch.float8_e4m3fn, "F8_E4M3"),
        (torch.float8_e5m2, "F8_E5M2"),
        (torch.int64, "I64"),
        (torch.bool, "BOOL"),
    ],
)
def test_an_encoding_that_is_not_computed_is_named(folder, read, dtype, name):
    tensor = "encoder.block.0.layer.0.SelfAttention.q.weight"
    _tensors(folder, lambda tensors: tensors | {tensor: tensors[tensor].to(dtype)})
    with pytest.raises(ModelError, match=f"encoding that is not computed: {tensor} is {name}"):
        read(folder)


@readers
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
    _config(folder, **values)
    with pytest.raises(ModelError, match=message) as caught:
        read(folder)
    assert "config.json" in str(caught.value)


def test_an_adapter_is_refused(folder):
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"holds an adapter.*merge"):
        load_model(folder)


@pytest.mark.parametrize(("family", "config"), [("t5", T5Config), ("mt5", MT5Config)])
def test_what_is_left_out_is_what_transformers_takes(family, config):
    ours, theirs = complete_config({"model_type": family}), config()
    assert {key: getattr(theirs, key) for key in DEFAULTS[family] if key in theirs.to_dict()} == {
        key: ours[key] for key in DEFAULTS[family] if key in theirs.to_dict()
    }
    assert ours["num_decoder_layers"] == theirs.num_decoder_layers


@families
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


# --- JSON


JSON_FAULTS = [
    (lambda text: "\ufeff" + text, "begins with a byte-order mark; save it as UTF-8 without"),
    (lambda text: text[: len(text) // 2], "is no JSON"),
    (lambda text: "", "is no JSON"),
    (lambda text: f'{{"a": {"9" * 5000}}}', "holds a number of thousands of digits"),
    (lambda text: '{"a": ' + "[" * 100_000, "is nested too deeply"),
    (lambda text: "[1]", "must be a JSON object"),
    (lambda text: "null", "must be a JSON object"),
    (lambda text: '{"a": 1, "a": 2}', "says 'a' twice"),
]


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "tokenizer.json", INDEX])
@pytest.mark.parametrize(("damage", "message"), JSON_FAULTS)
def test_a_json_file_is_named(folder, name, damage, message):
    if name == INDEX:
        _shards(folder)
    path = folder / name
    path.write_text(damage(path.read_text()))
    with pytest.raises(ModelError, match=f"{name} {message}"):
        load_start(Start("folder", str(folder)), 1)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_json_that_is_not_utf8_is_named(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes().replace(b"{", b'{"\xe9": 1,', 1))
    with pytest.raises(ModelError, match=f"{name} is not UTF-8"):
        load_start(Start("folder", str(folder)), 1)


# --- a whole import


def test_an_imported_model_has_the_ranks_of_its_checkpoint(tmp_path, caplog):
    write_checkpoint(tmp_path / "start", "t5")
    model, source = write_finetuned(tmp_path, Start("folder", str(tmp_path / "start")))
    ranks = rank_queries(load_subject(model, source, Limits(4000)))
    tensors = load_file(model / "model.safetensors")
    noisy = {n: t + 0.5 * torch.randn_like(t) for n, t in tensors.items()}
    save_file(noisy, model / "model_ema.safetensors")
    documents = json.loads((model / "docids.json").read_text())
    import_checkpoint(model, model / "docids.json", documents, tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == [
        "config.json",
        "docids.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    again = rank_queries(load_subject(tmp_path / "copy", source, Limits(4000)))
    assert again.equals(ranks)
    assert "model_ema.safetensors" in caplog.text


def test_an_import_checks_every_tensor_and_leaves_nothing(tmp_path):
    model = small_model()
    model.save_pretrained(tmp_path / "model")
    tiny_tokenizer().save_pretrained(tmp_path / "model")
    name = "decoder.block.1.layer.1.EncDecAttention.k.weight"
    _tensors(tmp_path / "model", _filled(name, float("nan"), 1))
    (tmp_path / "docids.json").write_text('{"d": 90}')
    with pytest.raises(ModelError, match=name):
        import_checkpoint(tmp_path / "model", tmp_path / "docids.json", ["d"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- what a model was fine-tuned from


def test_a_start_that_a_model_does_not_come_from_is_refused(tmp_path):
    write_checkpoint(tmp_path / "start", "t5")
    model, source = write_finetuned(tmp_path, Start("folder", str(tmp_path / "start")), steps=1)
    subject = load_subject(model, source, Limits(4000))
    assert subject.origin(tmp_path / "start").architecture == subject.model.architecture
    write_checkpoint(tmp_path / "gated", "flan-t5")
    with pytest.raises(AnalysisError, match=r"gated is not what .*activation gelu_new, not relu"):
        subject.origin(tmp_path / "gated")
    path = tmp_path / "start/tokenizer.json"
    tokenizer = json.loads(path.read_text())
    pieces = tokenizer["model"]["vocab"]
    pieces[20], pieces[21] = pieces[21], pieces[20]
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(AnalysisError, match="another number for 2 pieces"):
        subject.origin(tmp_path / "start")
