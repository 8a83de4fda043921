"""The engine against plain Hugging Face hooks on random shapes, inputs, blocks and patches."""

from copy import deepcopy

import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from plain_t5 import plain_logits, replaced
from random_t5 import random_models

from genir.base.names import COMPONENTS
from genir.engine import ranking
from genir.engine.decoder import LeanDecoder
from genir.engine.encoder import LeanEncoder, token_batch
from genir.engine.t5 import t5_of


@some.composite
def cases(draw):
    """A random model, padded queries, patches of components and heads, and block sizes."""
    size = lambda low, high: draw(some.integers(low, high))  # noqa: E731
    model = draw(random_models())
    layers, d_model = model.config.num_decoder_layers, model.config.d_model
    documents = size(1, 40)
    pieces = model.config.vocab_size - documents
    rows = torch.randperm(pieces + documents)
    docids = rows[:documents].sort().values
    queries, longest = size(1, 6), size(1, 40)
    lengths = torch.randint(1, longest + 1, (queries, 1))
    mask = (torch.arange(longest) < lengths).long()
    ids = torch.randint(1, pieces + documents, (queries, longest)) * mask
    places = [(layer, name) for layer in range(layers) for name in COMPONENTS]
    patches = []
    for _ in range(size(1, 6)):
        chosen = draw(some.lists(some.sampled_from(places), min_size=1, max_size=4, unique=True))
        wide = draw(some.booleans())
        shape = (queries, d_model) if wide else (d_model,)
        patches.append({place: torch.randn(shape) for place in chosen})
    return model, docids, ids, mask, patches, size(1, 7)


def _engine(model, docids, ids, mask, precision=torch.float32):
    inputs = [row[: int(n)].numpy() for row, n in zip(ids, mask.sum(1), strict=True)]
    batch = token_batch(inputs)
    decoder = LeanDecoder(t5_of(model), docids, precision)
    with torch.no_grad():
        memory = decoder.memory(LeanEncoder(t5_of(model))(batch), batch.layout)
    return decoder, memory, decoder.trace(memory)


def _bounds(logits, gold, among, slack=1e-4):
    """Best and worst rank of the relevant token if logits within `slack` count as equal."""
    own = logits.gather(1, gold[:, None])
    others = logits[:, among].clone()
    others[among[None, :] == gold[:, None]] = -torch.inf
    slack = slack * (1 + own.abs())
    return 1 + (others > own + slack).sum(1), 1 + (others >= own - slack).sum(1)


def _assert_ranks(ranks, logits, gold, docids):
    for got, among in (
        (ranks.vocabulary, torch.arange(logits.shape[1])),
        (ranks.docid, docids),
    ):
        best, worst = _bounds(logits, gold, among)
        assert (best <= got).all(), (got, best)
        assert (got <= worst).all(), (got, worst)


quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@quick
@given(cases())
def test_patched_logits_and_ranks_equal_plain_hooks(case):
    model, docids, ids, mask, patches, together = case
    decoder, memory, trace = _engine(model, docids, ids, mask)
    unembedding = decoder.unembedding
    scale = max(1.0, float(trace.states.abs().max()))
    # In float32 the plain computation may itself be further off than what is allowed here.
    exact = deepcopy(model).double()
    clean = plain_logits(exact, ids, mask).float()
    torch.testing.assert_close(
        unembedding.logits(trace.states[-1]), clean, atol=1e-4 * scale, rtol=1e-4
    )
    gold = docids[torch.randint(len(docids), (len(ids),))]
    seen = []
    for chosen, streams in decoder.runs(memory, trace, patches, together):
        for number, stream in zip(chosen, streams, strict=True):
            with replaced(exact, {place: rows.double() for place, rows in patches[number].items()}):
                expected = plain_logits(exact, ids, mask).float()
            logits = unembedding.logits(stream)
            torch.testing.assert_close(logits, expected, atol=1e-4 * scale, rtol=1e-4)
            _assert_ranks(unembedding.ranks(stream, gold[:, None]), expected, gold, docids)
            seen.append(number)
    assert sorted(seen) == list(range(len(patches)))


@quick
@given(cases())
def test_a_donor_s_outputs_everywhere_are_the_donor_and_one_s_own_change_nothing(case):
    model, docids, ids, mask, _, _ = case
    decoder, memory, trace = _engine(model, docids, ids, mask)
    outputs = decoder.outputs(memory, trace)
    scale = max(1.0, float(trace.states.abs().max()))
    every = [(layer, name) for layer in range(len(decoder.layers)) for name in COMPONENTS]
    own = {place: outputs(place) for place in every}
    donors = {place: outputs(place).roll(1, 0) for place in every}
    same, moved = decoder.run(memory, trace, [own, donors])
    torch.testing.assert_close(same, trace.states[-1], atol=1e-4 * scale, rtol=1e-3)
    torch.testing.assert_close(moved, trace.states[-1].roll(1, 0), atol=1e-4 * scale, rtol=1e-3)


@quick
@given(cases(), some.integers(1, 9), some.integers(1, 50))
def test_precision_and_blocks_change_no_rank(case, rows, tokens):
    model, docids, ids, mask, _, _ = case
    decoder, _, trace = _engine(model, docids, ids, mask)
    gold = docids[torch.randint(len(docids), (len(ids), 2))]
    states = trace.states.flatten(0, 1)
    relevant = gold.repeat(len(trace.states), 1)
    expected = decoder.unembedding.ranks(states, relevant)
    before = ranking.SLICE_ROWS, ranking.SLICE_TOKENS
    try:
        ranking.SLICE_ROWS, ranking.SLICE_TOKENS = rows, tokens
        for precision in (torch.float32, torch.bfloat16):
            other, _, _ = _engine(model, docids, ids, mask, precision)
            ranks = other.unembedding.ranks(states, relevant)
            both = other.unembedding.ranks_and_logits(states, relevant)
            assert torch.equal(other.unembedding.best_logit(states, relevant), both.relevant_logit)
            assert all(torch.equal(r.vocabulary, expected.vocabulary) for r in (ranks, both))
            assert all(torch.equal(r.docid, expected.docid) for r in (ranks, both))
            _assert_logits(both, other.unembedding, states, relevant, docids)
    finally:
        ranking.SLICE_ROWS, ranking.SLICE_TOKENS = before


def _assert_logits(both, unembedding, states, relevant, docids):
    """Both logits are those of a float64 product over all tokens."""
    exact = unembedding.state(states).double() @ unembedding.head.double().T
    best = exact.gather(1, relevant).amax(1)
    others = exact.scatter(1, relevant, -torch.inf)[:, docids].amax(1)
    others = others.masked_fill(others == -torch.inf, torch.nan)
    close = {"atol": 1e-12, "rtol": 1e-12, "equal_nan": True}
    torch.testing.assert_close(both.relevant_logit, best, **close)
    torch.testing.assert_close(both.other_logit, others, **close)


@quick
@given(cases())
def test_ranks_are_those_of_a_float64_sort(case):
    model, docids, ids, mask, _, _ = case
    decoder, _, trace = _engine(model, docids, ids, mask)
    unembedding = decoder.unembedding
    exact = unembedding.state(trace.states[-1]).double() @ unembedding.head.double().T
    gold = docids[torch.randint(len(docids), (len(ids),))]
    ranks = unembedding.ranks(trace.states[-1], gold[:, None])
    for row, token in enumerate(gold.tolist()):
        order = np.lexsort((np.arange(exact.shape[1]), -exact[row].numpy())).tolist()
        assert int(ranks.vocabulary[row]) == 1 + order.index(token)
        members = [t for t in order if t in docids.tolist()]
        assert int(ranks.docid[row]) == 1 + members.index(token)
        depth = min(5, len(members))
        top = unembedding.top(trace.states[-1][row : row + 1], depth)
        assert top[0].tolist() == members[:depth]


@quick
@given(cases())
def test_heads_sum_to_their_component_and_are_patched_alike(case):
    model, docids, ids, mask, _, _ = case
    decoder, memory, trace = _engine(model, docids, ids, mask)
    heads, layers = decoder.architecture.heads, len(decoder.layers)
    scale = max(1.0, float(trace.states.abs().max()))
    for layer in range(layers):
        for component in ("self_attention", "cross_attention"):
            outputs = decoder.head_outputs(memory, trace, layer, component)
            torch.testing.assert_close(
                outputs.sum(0), trace.output(layer, component), atol=1e-5 * scale, rtol=1e-4
            )
            values = torch.randn(heads, decoder.architecture.d_model)
            every = {(layer, component, head): values[head] for head in range(heads)}
            whole = {(layer, component): values.sum(0)}
            # Behind another patch a head is replaced in a running stream, not at its beginning.
            before = {(0, "self_attention"): torch.randn(decoder.architecture.d_model)}
            pairs = [(every, whole)]
            if (layer, component) != (0, "self_attention"):
                pairs.append((before | every, before | whole))
            for by_head, at_once in pairs:
                one, other = decoder.run(memory, trace, [by_head, at_once])
                torch.testing.assert_close(one, other, atol=1e-4 * scale, rtol=1e-3)
            kept = {(layer, component, head): outputs[head] for head in range(heads)}
            (same,) = decoder.run(memory, trace, [kept])
            torch.testing.assert_close(same, trace.states[-1], atol=1e-4 * scale, rtol=1e-3)
