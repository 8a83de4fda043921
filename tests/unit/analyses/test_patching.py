import logging
from functools import partial

import numpy as np
import pytest
import torch
from pandas.testing import assert_frame_equal
from plain_t5 import FAMILIES, docid_tokens, plain_logits, plain_margin, plain_ranks, replaced
from small_subjects import relevant_lists, small_subject

from genir.analyses.patching import (
    head_patches,
    heads_together,
    patch_means,
    patched_ranks,
    place_means,
    single_patches,
    stage_patches,
)
from genir.analyses.rank_queries import rank_queries, top_documents
from genir.base.errors import AnalysisError
from genir.base.names import COMPONENTS
from genir.models.tokens import pad_rows
from genir.subjects.blocks import Blocks

# Ranks are the same however work is cut; logits are up to rounding.
assert_same = partial(assert_frame_equal, rtol=1e-5, atol=1e-5)
METHODS = ("zero", "mean", "mean_leave_one_out", "pretrained")
PLACES = [(layer, component) for layer in range(3) for component in COMPONENTS]
CORRECT = np.array([True, False, True, True, False, False, True, True, False, True, False])


def _patched(subject, start, patches, correct=CORRECT):
    """`patched_ranks` with the means of the subject's own correct queries."""
    return patched_ranks(subject, patch_means(subject, correct, patches), start, patches)


def _padded(subject):
    ids = torch.from_numpy(pad_rows(subject.queries.inputs, 0))
    return ids, (ids != 0).long()


def _plain_outputs(subject, place):
    """Output `[query, d_model]` of one component, captured by a plain hook."""
    from plain_t5 import component_module

    seen = []
    handle = component_module(subject.plain, *place).register_forward_hook(
        lambda module, inputs, output: seen.append(
            (output[0] if isinstance(output, tuple) else output)[:, 0]
        )
    )
    plain_logits(subject.plain, *_padded(subject))
    handle.remove()
    return seen[0]


def _plain_value(method, place, subject, start):
    output = _plain_outputs(subject, place)
    correct = torch.from_numpy(CORRECT)
    if method == "zero":
        return torch.zeros_like(output)
    if method == "pretrained":
        return _plain_outputs(start, place)
    mean = output[correct].mean(0).expand_as(output)
    if method == "mean":
        return mean
    rows = []
    for query in range(len(output)):
        others = correct.clone()
        others[query] = False
        rows.append(output[others].mean(0))
    return torch.stack(rows)


@pytest.mark.parametrize("family", FAMILIES)
def test_ranks_equal_plain_hooks_for_every_place_and_method(family):
    subject, start = small_subject(family), small_subject(family, seed=9)
    ids, mask = _padded(subject)
    tables = _patched(subject, start, single_patches(range(3), METHODS))
    assert len(tables) == len(METHODS) * len(PLACES)
    for method in METHODS:
        for layer, component in PLACES:
            value = _plain_value(method, (layer, component), subject, start)
            with replaced(subject.plain, {(layer, component): value}):
                logits = plain_logits(subject.plain, ids, mask)
            table = tables[f"{method}/layer{layer}.{component}"]
            relevant = relevant_lists(subject)
            assert table["query_id"].tolist() == subject.queries.ids.tolist()
            every = plain_ranks(logits, relevant, torch.arange(logits.shape[1]))
            assert table["vocabulary_rank"].tolist() == every
            assert table["docid_rank"].tolist() == plain_ranks(logits, relevant, docid_tokens())
            best, other = plain_margin(logits, relevant, docid_tokens())
            assert table["relevant_logit"].tolist() == pytest.approx(best, rel=1e-4, abs=1e-5)
            assert table["other_logit"].tolist() == pytest.approx(other, rel=1e-4, abs=1e-5)


def test_the_unmodified_logits_are_those_of_plain_hugging_face():
    subject = small_subject()
    logits, relevant = plain_logits(subject.plain, *_padded(subject)), relevant_lists(subject)
    best, other = plain_margin(logits, relevant, docid_tokens())
    table = rank_queries(subject)
    assert table["relevant_logit"].tolist() == pytest.approx(best, rel=1e-5, abs=1e-6)
    assert table["other_logit"].tolist() == pytest.approx(other, rel=1e-5, abs=1e-6)
    first = table["docid_rank"] == 1
    assert first.equals(table["relevant_logit"] > table["other_logit"])


def test_a_stage_patch_replaces_all_its_layers_at_once():
    subject, start = small_subject(), small_subject(seed=9)
    ids, mask = _padded(subject)
    patches = stage_patches({"I": (0, 1), "II": (2, 2), "III": (2, 2)}, METHODS)
    tables = _patched(subject, start, patches)
    for method in METHODS:
        patch = {
            (layer, "mlp"): _plain_value(method, (layer, "mlp"), subject, start) for layer in (0, 1)
        }
        with replaced(subject.plain, patch):
            logits = plain_logits(subject.plain, ids, mask)
        expected = plain_ranks(logits, relevant_lists(subject), torch.arange(logits.shape[1]))
        assert tables[f"{method}/I.mlp"]["vocabulary_rank"].tolist() == expected
        assert_same(tables[f"{method}/II.mlp"], tables[f"{method}/III.mlp"])


@pytest.mark.parametrize("component", ["self_attention", "cross_attention"])
@pytest.mark.parametrize("method", ["zero", "mean"])
def test_a_head_is_patched_like_its_part_of_the_output_matrix_input(component, method):
    from plain_t5 import component_module

    subject = small_subject()
    places = [(1, component, 0), (1, component, 2), (2, component, 1)]
    table = _patched(subject, None, {"heads": dict.fromkeys(places, method)})["heads"]
    ids, mask = _padded(subject)
    correct = torch.from_numpy(CORRECT)
    seen = {}

    def keep(layer):
        def hook(module, inputs):
            seen[layer] = inputs[0].clone()

        return hook

    def replace_heads(layer, heads):
        def hook(module, inputs):
            states = inputs[0].clone()
            for head in heads:
                part = slice(4 * head, 4 * head + 4)
                mean = seen[layer][correct][..., part].mean(0)
                states[..., part] = 0 if method == "zero" else mean
            return (states,)

        return hook

    modules = {layer: component_module(subject.plain, layer, component).o for layer in (1, 2)}
    handles = [module.register_forward_pre_hook(keep(i)) for i, module in modules.items()]
    plain_logits(subject.plain, ids, mask)
    for handle in handles:
        handle.remove()
    for layer, heads in ((1, (0, 2)), (2, (1,))):
        modules[layer].register_forward_pre_hook(replace_heads(layer, heads))
    logits = plain_logits(subject.plain, ids, mask)
    expected = plain_ranks(logits, relevant_lists(subject), torch.arange(logits.shape[1]))
    assert table["vocabulary_rank"].tolist() == expected
    assert table["vocabulary_rank"].tolist() != rank_queries(subject)["vocabulary_rank"].tolist()


def test_pretrained_heads_are_those_of_the_start():
    subject, start = small_subject(), small_subject(seed=9)
    every = [(1, "cross_attention", head) for head in range(3)]
    patches = {
        "heads": dict.fromkeys(every, "pretrained"),
        "whole": {(1, "cross_attention"): "pretrained"},
    }
    tables = _patched(subject, start, patches)
    assert_same(tables["heads"], tables["whole"])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_head_alone_equals_a_plain_hook_on_the_output_projection(family):
    from plain_t5 import component_module

    subject = small_subject(family)
    ids, mask = _padded(subject)
    tables = heads_together(_patched(subject, None, head_patches(range(1, 3), 3, ["zero"])))
    assert len(tables) == 2 * 2
    moved = False
    for name, table in tables.items():
        layer, component = name.removeprefix("zero/layer").split(".")
        assert list(table.columns[:3]) == ["query_id", "doc_id", "head"]
        for head in range(3):

            def without_head(module, inputs, head=head):
                states = inputs[0].clone()
                states[..., 4 * head : 4 * head + 4] = 0
                return (states,)

            projection = component_module(subject.plain, int(layer), component).o
            handle = projection.register_forward_pre_hook(without_head)
            logits = plain_logits(subject.plain, ids, mask)
            handle.remove()
            part = table[table["head"] == head]
            relevant = relevant_lists(subject)
            every = plain_ranks(logits, relevant, torch.arange(logits.shape[1]))
            assert part["vocabulary_rank"].tolist() == every
            assert part["docid_rank"].tolist() == plain_ranks(logits, relevant, docid_tokens())
            moved |= every != rank_queries(subject)["vocabulary_rank"].tolist()
    assert moved


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("component", ["self_attention", "cross_attention"])
def test_all_heads_of_a_component_are_the_component(component, method):
    subject, start = small_subject(), small_subject(seed=9)
    heads = {(1, component, head): method for head in range(3)}
    tables = _patched(subject, start, {"heads": heads, "whole": {(1, component): method}})
    assert_same(tables["heads"], tables["whole"])


def test_a_patch_without_a_place_gives_the_unmodified_ranks(caplog):
    subject = small_subject()
    with caplog.at_level(logging.WARNING):
        tables = _patched(subject, None, {"nothing": {}, "zero": {(1, "mlp"): "zero"}})
    assert_same(tables["nothing"], rank_queries(subject))
    assert not tables["zero"].equals(rank_queries(subject))
    assert not caplog.text


def test_means_serve_other_queries():
    whole = small_subject()
    parts = [np.arange(7), np.arange(7, 11)]
    first, second = (whole.over(whole.queries.take(rows)) for rows in parts)
    correct = CORRECT[:7]
    patches = single_patches(range(3), ("mean", "mean_leave_one_out"))
    means = patch_means(first, correct, patches)
    tables = patched_ranks(second, means, None, patches)
    expected = _patched(whole, None, patches, np.append(correct, [False] * 4))
    for name, table in tables.items():
        assert_same(table, expected[name].iloc[7:].reset_index(drop=True))
    # A query that is not in the mean has nothing to be left out.
    assert_same(tables["mean/layer1.mlp"], tables["mean_leave_one_out/layer1.mlp"])


def test_other_queries_share_the_engine_but_not_the_encoded_queries():
    subject = small_subject()
    other = subject.over(subject.queries.take(np.array([3, 1])))
    assert other.decoder is subject.decoder
    assert other.encoder is subject.encoder
    assert len(other.hidden) == 2
    assert torch.equal(other.hidden[0], subject.hidden[3])
    assert_same(rank_queries(other), rank_queries(subject).iloc[[3, 1]].reset_index(drop=True))


def test_layers_in_one_call_or_several_give_the_same_tables():
    subject = small_subject()
    together = _patched(subject, None, single_patches(range(3), ("zero", "mean")))
    for layer in range(3):
        patches = single_patches(range(layer, layer + 1), ("zero", "mean"))
        for name, table in _patched(subject, None, patches).items():
            assert_same(table, together[name])


def test_patching_with_the_own_model_as_pretrained_changes_no_rank():
    subject = small_subject()
    clean = rank_queries(subject)
    patches = single_patches(range(3), ("pretrained",))
    for table in _patched(subject, subject, patches).values():
        assert_same(table, clean)


def test_a_patch_that_changes_nothing_is_noticed(caplog):
    subject = small_subject()
    with caplog.at_level(logging.WARNING):
        _patched(subject, subject, {"same": {(1, "mlp"): "pretrained"}})
    assert "patch same changed no residual stream" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        _patched(subject, None, {"zero": {(1, "mlp"): "zero"}})
    assert not caplog.text


def test_means_come_from_the_correct_queries_only():
    subject = small_subject()
    means = place_means(subject, CORRECT, PLACES)
    assert list(means.query_ids) == list(subject.queries.ids[CORRECT])
    for place in PLACES:
        expected = _plain_outputs(subject, place)[torch.from_numpy(CORRECT)].mean(0)
        torch.testing.assert_close(means.mean(place), expected, atol=1e-5, rtol=1e-5)


def test_pretrained_without_a_start_says_what_to_do():
    with pytest.raises(AnalysisError, match="give the model another `start`"):
        _patched(small_subject(), None, {"p": {(0, "mlp"): "pretrained"}})


def test_means_over_too_few_queries_are_refused():
    with pytest.raises(AnalysisError, match=r"at least 2 correct .*, the model has 1"):
        _patched(small_subject(), None, {"m": {(0, "mlp"): "mean"}}, np.arange(11) == 3)


def test_top_documents_agree_with_the_docid_ranks():
    subject = small_subject()
    best = top_documents(subject, 40)
    ranks = rank_queries(subject)
    for row, (doc_id, rank) in enumerate(zip(ranks["doc_id"], ranks["docid_rank"], strict=True)):
        relevant = {doc_id, "d20"} if row == 0 else {doc_id}
        assert min(best[row].tolist().index(d) for d in relevant) + 1 == rank


def test_block_size_changes_no_rank():
    patches = single_patches(range(3), ("zero", "mean"))
    whole = small_subject(sizes=Blocks(100, 100))
    expected = _patched(whole, None, patches)
    for sizes in (Blocks(1, 1), Blocks(3, 7), Blocks(100, 1)):
        subject = small_subject(sizes=sizes)
        assert_same(rank_queries(subject), rank_queries(whole))
        for name, table in _patched(subject, None, patches).items():
            assert_same(table, expected[name])
