"""Edges beside plain Hugging Face hooks, and what must hold of them."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from plain_edges import plain_edges
from plain_t5 import FAMILIES, plain_logits, random_inputs, small_model
from random_t5 import random_models

from genir.base.names import EMBEDDING, UNEMBEDDING
from genir.engine.decoder import LeanDecoder
from genir.engine.edges import output_of, run_edges, sources_of
from genir.engine.encoder import LeanEncoder, token_batch
from genir.engine.t5 import t5_of

QUERIES = 4


def _engine(model, ids, mask):
    inputs = [row[: int(n)].numpy() for row, n in zip(ids, mask.sum(1), strict=True)]
    batch = token_batch(inputs)
    docids = torch.arange(model.config.vocab_size)[-40:]
    decoder = LeanDecoder(t5_of(model), docids)
    with torch.no_grad():
        memory = decoder.memory(LeanEncoder(t5_of(model))(batch), batch.layout)
    return decoder, memory, decoder.trace(memory)


@pytest.mark.parametrize("family", FAMILIES)
def test_edges_equal_plain_hooks(family):
    model = small_model(family)
    ids, mask = random_inputs(QUERIES)
    decoder, memory, trace = _engine(model, ids, mask)
    random = torch.Generator().manual_seed(3)
    draw = lambda *shape: torch.randn(*shape, generator=random)  # noqa: E731
    readers = [*decoder.places, UNEMBEDDING]
    patches = [
        {reader: {source: draw(QUERIES, 16)}}
        for reader in readers
        for source in sources_of(decoder, reader)
    ]
    # Sources that are themselves changed by the patch.
    patches += [
        {
            (0, "cross_attention"): {EMBEDDING: draw(16)},
            (1, "mlp"): {(0, "cross_attention"): draw(16), (1, "cross_attention"): draw(16)},
            UNEMBEDDING: {(1, "mlp"): draw(QUERIES, 16), (0, "mlp"): draw(16)},
        },
        {
            (1, "self_attention"): {(0, "mlp"): draw(16)},
            (2, "mlp"): {(1, "self_attention"): draw(16)},
        },
    ]
    assert len(patches) == 9 * 10 // 2 + 10 + 2
    streams = run_edges(decoder, memory, trace, patches)
    clean = decoder.unembedding.logits(trace.states[-1])
    for patch, stream in zip(patches, streams, strict=True):
        with plain_edges(model, patch):
            expected = plain_logits(model, ids, mask)
        torch.testing.assert_close(
            decoder.unembedding.logits(stream), expected, atol=1e-3, rtol=1e-4
        )
        assert not torch.allclose(expected, clean, atol=1e-3)


@some.composite
def cases(draw):
    model = draw(random_models())
    lengths = torch.randint(1, 8, (QUERIES, 1))
    mask = (torch.arange(7) < lengths).long()
    ids = torch.randint(1, model.config.vocab_size, (QUERIES, 7)) * mask
    return model, ids, mask


quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def _close(found, expected, trace):
    scale = max(1.0, float(trace.states.abs().max()))
    torch.testing.assert_close(found, expected, atol=1e-4 * scale, rtol=1e-3)


@quick
@given(cases(), some.data())
def test_identities(case, data):
    decoder, memory, trace = _engine(*case)
    readers = [*decoder.places, UNEMBEDDING]
    value = torch.randn(QUERIES, trace.states.shape[-1])

    # All edges out of a source, together, are the source.
    source = data.draw(some.sampled_from(decoder.places))
    out = {reader: {source: value} for reader in readers if source in sources_of(decoder, reader)}
    (expected,) = decoder.run(memory, trace, [{source: value}])
    _close(run_edges(decoder, memory, trace, [out])[0], expected, trace)

    # All edges of a reader, together, are another input of it.
    reader = data.draw(some.sampled_from(decoder.places))
    read = sources_of(decoder, reader)
    values = {of: torch.randn(QUERIES, trace.states.shape[-1]) for of in read}
    whole = torch.stack(list(values.values())).sum(0)
    output = torch.zeros(1, *whole.shape)
    decoder.add(*reader, whole[None], memory, output, [{}])
    (expected,) = decoder.run(memory, trace, [{reader: output[0]}])
    _close(run_edges(decoder, memory, trace, [{reader: values}])[0], expected, trace)

    # What a reader reads anyway changes nothing.
    own = {r: {s: output_of(trace, s) for s in sources_of(decoder, r)} for r in readers[:1]}
    own[reader] = {source: output_of(trace, source) for source in read}
    single = {reader: {read[-1]: output_of(trace, read[-1])}}
    same = run_edges(decoder, memory, trace, [own, single])
    for stream in same:
        _close(stream, trace.states[-1], trace)


def test_how_patches_are_put_together_changes_nothing():
    decoder, memory, trace = _engine(small_model(), *random_inputs(QUERIES))
    patches = [
        {reader: {source: torch.ones(16)}}
        for reader in [UNEMBEDDING, *decoder.places[::-1]]
        for source in sources_of(decoder, reader)
    ]
    together = run_edges(decoder, memory, trace, patches)
    for patch, stream in zip(patches, together, strict=True):
        alone = run_edges(decoder, memory, trace, [patch])[0]
        torch.testing.assert_close(alone, stream, atol=1e-5, rtol=1e-5)


def test_what_a_reader_does_not_read_is_refused():
    decoder, memory, trace = _engine(small_model(), *random_inputs(QUERIES))
    value = torch.zeros(16)
    with pytest.raises(ValueError, match="does not read"):
        run_edges(decoder, memory, trace, [{(1, "mlp"): {(1, "mlp"): value}}])
    for patch in ({}, {(7, "mlp"): {EMBEDDING: value}}):
        with pytest.raises(ValueError, match="must name readers"):
            run_edges(decoder, memory, trace, [patch])
