import pytest
import torch
from plain_t5 import FAMILIES, small_model
from small_subjects import small_subject
from transformers import T5Config, T5ForConditionalGeneration

from genir.base.errors import AnalysisError
from genir.engine.t5 import t5_of
from genir.subjects.blocks import MAXIMUM_QUERIES, MAXIMUM_ROWS, Limits, model_bytes, plan_blocks


def _large():
    """T5-large with 320,000 docids, without its weights."""
    sizes = {"d_model": 1024, "d_ff": 4096, "d_kv": 64, "num_heads": 16, "num_layers": 24}
    with torch.device("meta"):
        return t5_of(T5ForConditionalGeneration(T5Config(vocab_size=352_128, **sizes)))


def test_a_small_model_is_computed_in_the_largest_blocks():
    blocks = plan_blocks(t5_of(small_model()), 20, 1000, 1, Limits(4000))
    assert blocks.queries == MAXIMUM_QUERIES
    assert blocks.queries * blocks.patches == MAXIMUM_ROWS


def test_there_are_never_more_patches_than_asked_for():
    assert plan_blocks(t5_of(small_model()), 20, 3, 1, Limits(4000)).patches == 3


def test_more_memory_means_larger_blocks():
    large = _large()
    fixed = 2 * model_bytes(large) // 2**20 + 830
    sizes = [plan_blocks(large, 32, 216, 2, Limits(fixed + more)) for more in (60, 400, 8000)]
    rows = [blocks.queries * blocks.patches for blocks in sizes]
    assert rows[0] < rows[1] < rows[2]
    assert all(blocks.queries >= 1 and blocks.patches >= 1 for blocks in sizes)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_weights_are_counted_once_and_the_decoder_twice(family):
    model = t5_of(small_model(family))
    numbers = sum(weight.numel() for weight in model.weights.values() if weight.dim() > 1)
    decoder = sum(
        weight.numel()
        for name, weight in model.weights.items()
        if name.startswith("decoder.") and weight.dim() > 1
    )
    biases = 2 * 32 * model.architecture.heads
    extra = 4 * (numbers + decoder - biases - 32 * model.architecture.heads)
    assert model_bytes(model) == extra


def test_a_copy_of_the_head_in_half_precision_is_counted():
    large = _large()
    least = 2 * model_bytes(large) // 2**20 + 900
    plan_blocks(large, 32, 216, 2, Limits(least))
    with pytest.raises(AnalysisError):
        plan_blocks(large, 32, 216, 2, Limits(least, "bfloat16"))


def test_too_little_memory_says_what_to_write():
    with pytest.raises(AnalysisError, match=r"mem_mb is 5000, this model needs \d+ or more"):
        plan_blocks(_large(), 32, 216, 1, Limits(5000))


def test_blocks_come_from_the_memory_of_the_subject():
    subject = small_subject()
    plain = super(type(subject), subject).blocks(7)
    assert plain == plan_blocks(subject.model, 7, 7, 1, subject.limits)
