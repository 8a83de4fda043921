"""Model folders as people have them: right, or one error before anything is computed."""

import json
import logging

import pytest
import torch
from family_checkpoints import (
    CHECKPOINTS,
    INDEX,
    change_config,
    cut_into_shards,
    write_checkpoint,
    write_finetuned,
)
from plain_t5 import small_model
from safetensors.torch import load_file, save_file
from tiny_text import tiny_tokenizer

from genir.analyses.rank_queries import rank_queries
from genir.base.errors import AnalysisError, ModelError
from genir.engine.model_files import checkpoint_files, files_read
from genir.engine.t5 import load_t5
from genir.models.import_folder import import_checkpoint
from genir.models.load import load_model
from genir.models.start import Start, start_files
from genir.subjects.blocks import Limits
from genir.subjects.subject import load_subject

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
    cut_into_shards(folder)
    other = {n: t + 1 for n, t in tensors.items()}
    save_file(other, folder / "model.safetensors", metadata={"format": "pt"})
    with caplog.at_level(logging.WARNING):
        assert torch.equal(load_t5(folder).embedding, other["shared.weight"])
    assert "model-00001-of-00002.safetensors" in caplog.text
    assert torch.equal(load_model(folder).shared.weight, other["shared.weight"])
    assert checkpoint_files(folder) == [folder / "model.safetensors"]


def test_shards_are_read_as_the_index_says(folder):
    before = dict(load_t5(folder).weights)
    cut_into_shards(folder)
    after = load_t5(folder).weights
    assert set(after) == set(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert torch.equal(load_model(folder).shared.weight, before["shared.weight"])
    start = start_files(Start("folder", str(folder)))
    assert set(checkpoint_files(folder)) <= set(start)
    assert len(checkpoint_files(folder)) == 3


def _without_a_shard(folder):
    cut_into_shards(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()


def _tensor_not_in_its_shard(folder):
    shard_of = cut_into_shards(folder)
    path = folder / "model-00001-of-00002.safetensors"
    save_file({n: t for n, t in load_file(path).items() if n != next(iter(shard_of))}, path)


def _tensor_not_in_the_index(folder):
    shard_of = cut_into_shards(folder)
    shard_of.pop(next(iter(shard_of)))
    (folder / INDEX).write_text(json.dumps({"weight_map": shard_of}))


def _shard_elsewhere(folder):
    shard_of = cut_into_shards(folder) | {"shared.weight": "../model.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": shard_of}))


@readers
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_a_shard, r"lacks model-00002-of-00002.safetensors, which .*index.json names"),
        (_tensor_not_in_its_shard, r"do not belong together: \S+ is not in model-00001"),
        (_tensor_not_in_the_index, r"is in model-00001\S+, which the index does not say"),
        (_shard_elsewhere, r"index.json must say .* files of the same folder"),
        (
            lambda f: cut_into_shards(f, drop_index=True),
            r"has neither model.safetensors nor .*only model-",
        ),
        (
            lambda f: cut_into_shards(f) and (f / INDEX).write_text("[]"),
            "index.json must be a JSON object",
        ),
        (
            lambda f: cut_into_shards(f) and (f / INDEX).write_text("{}"),
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
    change_config(folder, **values)
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
