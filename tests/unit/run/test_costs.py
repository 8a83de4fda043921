from dataclasses import replace

import pytest
import torch
from plain_t5 import FAMILIES, small_model

from genir.base.errors import ConfigError
from genir.engine.t5 import T5, Architecture
from genir.run.cost_table import cost_table, cost_text
from genir.run.costs import (
    LEAST_MIB,
    Workload,
    analysis_memory_mb,
    analysis_operations,
    batch_tokens,
    training_memory_mb,
    training_operations,
    training_seconds,
)
from genir.run.shape import assumed_shape, fetched_shape, shape_of_config
from genir.subjects.blocks import Limits, plan_blocks

TRAINING = {
    "steps": 10,
    "batch_size": 6,
    "indexing_ratio": 2.0,
    "document_tokens": 32,
    "query_tokens": 8,
    "accumulation": 1,
    "gradient_checkpointing": False,
}
SIZES = {"small": (512, 8, 6), "base": (768, 12, 12), "large": (1024, 16, 24)}


def _config(size: str) -> dict:
    width, heads, layers = SIZES[size]
    return {"d_model": width, "d_ff": 4 * width, "d_kv": 64, "num_heads": heads,
            "num_layers": layers, "vocab_size": 32_128}  # fmt: skip


def _work(size: str = "small", documents: int = 1000, **changes) -> Workload:
    shape = shape_of_config(_config(size))
    return replace(
        Workload("m", shape, shape.rows + documents, 100, 50, TRAINING, 2, 8, 4, 2, 7, 5), **changes
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_are_those_of_the_model(family):
    model = small_model(family)
    matrices = {n: p for n, p in model.named_parameters() if p.dim() == 2 and "bias" not in n}
    shape = shape_of_config(model.config.to_dict() | FAMILIES[family])
    assert shape.weights(shape.rows) == sum(p.numel() for p in matrices.values())
    encoder = sum(p.numel() for n, p in matrices.items() if n.startswith("encoder.block"))
    assert shape.encoder == encoder


def test_a_hub_model_is_taken_for_a_t5_until_it_is_fetched():
    assumed = assumed_shape({"encoder_layers": 24, "decoder_layers": 24})
    assert assumed == shape_of_config(_config("large"))
    assert assumed_shape({"encoder_layers": 12, "decoder_layers": 12, "d_model": 768}).d_ff == 3072


def test_other_layers_than_those_of_the_fetched_model_are_named():
    entry = {"id": "google-t5/t5-base", "encoder_layers": 12, "decoder_layers": 24}
    with pytest.raises(ConfigError, match=r"t5-base: decoder_layers is 24, .* says 12; write 12"):
        fetched_shape(_config("base"), entry)
    assert fetched_shape(_config("large"), entry | {"encoder_layers": 24}).heads == 16


def test_a_training_step_is_six_operations_for_each_weight_and_token():
    work = _work()
    assert batch_tokens(TRAINING) == 4 * 32 + 2 * 8
    per_example = work.shape.decoder + work.rows * work.shape.d_model
    assert training_operations(work) == 10 * 6 * (work.shape.encoder * 144 + per_example * 6)


def test_checkpointing_costs_a_third_more_and_saves_memory():
    plain = _work("large", training=TRAINING | {"batch_size": 128})
    recomputed = replace(plain, training=plain.training | {"gradient_checkpointing": True})
    assert training_operations(recomputed) == pytest.approx(4 / 3 * training_operations(plain))
    assert training_memory_mb(recomputed) < training_memory_mb(plain)
    parts = replace(plain, training=plain.training | {"accumulation": 8})
    assert training_operations(parts) == training_operations(plain)
    assert training_memory_mb(parts) < training_memory_mb(plain)


def test_a_docid_costs_weight_gradient_and_update_in_training():
    more, fewer = (training_memory_mb(_work("large", n)) for n in (101_000, 1_000))
    rows = 3 * 4 * 100_000 * 1024 / 2**20
    assert rows <= more - fewer + 100 < 1.1 * rows + 200


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("documents", [10_000, 100_000, 320_000])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_analyses_have_room_in_what_they_declare(size, documents, precision):
    work = _work(size, documents)
    embedding = torch.empty(work.rows, work.shape.d_model, device="meta")
    model = T5(Architecture.from_config(_config(size)), {"shared.weight": embedding})
    declared = analysis_memory_mb(work)
    blocks = plan_blocks(model, 32, 100, 2, Limits(declared, precision))
    assert blocks.queries * blocks.patches >= 256
    if size == "base" and documents == 100_000:
        assert declared <= 8000


def test_the_smallest_job_declares_what_all_jobs_have_had():
    tiny = shape_of_config(small_model().config.to_dict())
    assert analysis_memory_mb(_work(shape=tiny, rows=100)) == LEAST_MIB
    assert training_memory_mb(_work(shape=tiny, rows=100)) == LEAST_MIB


def test_patching_grows_with_methods_and_heads():
    one, four = (analysis_operations(_work(methods=n, head_methods=n)) for n in (1, 4))
    for rule in ("patch_component", "patch_head", "patch_stage"):
        assert one[rule] < four[rule] < 4 * one[rule]
    places = analysis_operations(_work(methods=1, head_methods=1))
    assert places["patch_head"] > 2 * places["patch_component"]


def test_the_table_counts_every_training():
    table = cost_table([_work()]).set_index("rule")
    assert table.loc["finetune_reduced", "pflop"] == 2 * table.loc["finetune", "pflop"]
    assert table.loc["finetune", "gpu_hours"] == training_seconds(_work()) / 3600
    existing = cost_table([_work(training={}, reduced=0, parts=0)])
    assert existing["rule"].tolist()[0] == "import_model"
    assert "partial_swap" not in existing["rule"].tolist()


def test_the_text_has_a_sum_and_says_what_it_assumes():
    text = cost_text([_work(), _work(model="other")])
    assert text.count("| finetune |") == 2
    assert "| all |" in text
    assert "not measurements" in text
