import numpy as np
import pytest
import torch
from plain_t5 import (
    DOCUMENTS,
    FAMILIES,
    PIECES,
    component_module,
    plain_lens,
    plain_logits,
    random_inputs,
)
from small_subjects import small_subject

from genir.analyses.head_lens import POSITIONS, TOPS, WHOLE, head_lens, top_tokens
from genir.subjects.blocks import Blocks

HEADS, LAYERS, QUERIES = 3, 3, 11


@pytest.fixture(params=FAMILIES)
def subject(request):
    return small_subject(request.param)


def plain_head_logits(subject, layer):
    """Logits `[head, query, token]` of each cross-attention head, and of all together, by splitting
    what the Hugging Face model's output projection reads."""
    attention = component_module(subject.plain, layer, "cross_attention")
    found = []
    handle = attention.o.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0][:, 0]))
    plain_logits(subject.plain, *random_inputs(QUERIES))
    handle.remove()
    width = attention.o.weight.shape[1] // HEADS
    cut = [slice(head * width, (head + 1) * width) for head in range(HEADS)]
    outputs = [found[0][:, part] @ attention.o.weight[:, part].T for part in cut]
    return torch.stack([plain_lens(subject.plain, o) for o in (*outputs, sum(outputs))])


@torch.no_grad()
def test_top_tokens_are_those_of_the_plain_models_heads(subject):
    _, tokens = head_lens(subject)
    assert len(tokens) == QUERIES * LAYERS * HEADS * POSITIONS
    for layer in range(LAYERS):
        wanted = plain_head_logits(subject, layer)[:HEADS].argsort(-1, descending=True)
        rows = tokens[tokens["layer"] == layer].sort_values(["head", "query_id", "position"])
        found = rows["token_id"].to_numpy().reshape(HEADS, QUERIES, POSITIONS)
        assert (found == wanted[..., :POSITIONS].numpy()).all()


@torch.no_grad()
def test_shares_are_those_of_the_plain_models_heads_and_components(subject):
    shares, _ = head_lens(subject)
    assert len(shares) == QUERIES * LAYERS * (HEADS + 1) * len(TOPS)
    assert shares["share"].between(0, 100).all()
    for layer in range(LAYERS):
        order = plain_head_logits(subject, layer).argsort(-1, descending=True)
        wanted = 100 * (order[..., :10] >= PIECES).double().mean(-1)
        of_layer = shares[(shares["layer"] == layer) & (shares["top"] == 10)]
        for head, values in zip([*range(HEADS), WHOLE], wanted.tolist(), strict=True):
            assert of_layer.loc[of_layer["head"] == head, "share"].tolist() == values


def test_among_the_whole_vocabulary_the_share_is_the_base_rate(subject):
    shares, _ = head_lens(subject)
    rows = shares[shares["top"] >= PIECES + DOCUMENTS]
    assert set(rows["top"]) == {100, 1000}
    assert set(rows["share"]) == {100 * DOCUMENTS / (PIECES + DOCUMENTS)}


def test_blocks_of_queries_change_nothing():
    for first, second in zip(
        head_lens(small_subject()), head_lens(small_subject(sizes=Blocks(11, 1))), strict=True
    ):
        assert first.equals(second)


def test_blocks_of_logits_change_nothing(monkeypatch):
    whole = head_lens(small_subject())
    monkeypatch.setattr("genir.engine.ranking.BLOCK_BYTES", 3 * 4 * (PIECES + DOCUMENTS))
    for first, second in zip(whole, head_lens(small_subject()), strict=True):
        assert first.equals(second)


@pytest.mark.parametrize("values", [2, 5, 10**6])
@pytest.mark.parametrize("depth", [1, 7, 59, 60])
def test_top_tokens_equal_a_stable_sort(values, depth):
    random = np.random.default_rng(values)
    logits = torch.from_numpy(random.integers(values, size=(9, 60)).astype(np.float32))
    wanted = np.argsort(-logits.numpy(), axis=1, kind="stable")[:, :depth]
    assert (top_tokens(logits, depth).numpy() == wanted).all()


def test_the_order_of_queries_and_columns():
    shares, tokens = head_lens(small_subject())
    assert list(shares.columns) == ["query_id", "doc_id", "layer", "head", "top", "share"]
    assert list(tokens.columns) == ["query_id", "doc_id", "layer", "head", "position", "token_id"]
    assert (shares["query_id"].str[1:] == shares["doc_id"].str[1:]).all()
    assert sorted(set(shares["head"])) == [WHOLE, 0, 1, 2]
    assert sorted(set(tokens["head"])) == [0, 1, 2]
