import pytest
import torch
from plain_edges import _reader_module
from plain_t5 import FAMILIES, docid_tokens, lean, random_inputs, small_model

from genir.base.names import UNEMBEDDING
from genir.engine.encoder import LeanEncoder, token_batch
from genir.engine.gradients import reader_gradients
from genir.engine.t5 import t5_of

QUERIES = 4


def _engine(model):
    ids, mask = random_inputs(QUERIES)
    inputs = [row[: int(n)].numpy() for row, n in zip(ids, mask.sum(1), strict=True)]
    batch, decoder = token_batch(inputs), lean(model)
    with torch.no_grad():
        memory = decoder.memory(LeanEncoder(t5_of(model))(batch), batch.layout)
    return (ids, mask), decoder, memory, decoder.trace(memory)


def _plain(model, ids, mask, reader, relevant):
    """Gradient by a number that is added to what the reader norms, through plain Hugging Face."""
    added = torch.zeros(len(ids), 1, model.config.d_model, requires_grad=True)
    module = _reader_module(model, reader)
    handle = module.register_forward_pre_hook(lambda module, inputs: (inputs[0] + added,))
    start = torch.zeros(len(ids), 1, dtype=torch.long)
    logits = model(
        input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False
    ).logits[:, 0]
    handle.remove()
    own = torch.zeros_like(logits, dtype=torch.bool)
    own[
        torch.arange(len(ids))[:, None].expand_as(relevant)[relevant >= 0], relevant[relevant >= 0]
    ] = 1
    docids = docid_tokens()
    best = logits.masked_fill(~own, -torch.inf).amax(1)
    other = logits.masked_fill(own, -torch.inf)[:, docids].amax(1)
    (gradient,) = torch.autograd.grad((best - other).sum(), added)
    return gradient[:, 0]


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_equal_those_of_plain_hugging_face(family):
    model = small_model(family)
    inputs, decoder, memory, trace = _engine(model)
    relevant = torch.stack([docid_tokens()[:QUERIES], docid_tokens()[7 : 7 + QUERIES]], 1)
    relevant[2, 1] = -1
    found = reader_gradients(decoder, memory, trace.states, relevant)
    readers = [*decoder.places, UNEMBEDDING]
    assert len(found) == len(readers)
    for reader, gradient in zip(readers, found, strict=True):
        expected = _plain(model, *inputs, reader, relevant)
        torch.testing.assert_close(gradient, expected, atol=1e-4, rtol=1e-3)
        assert gradient.abs().max() > 1e-4


def test_the_differentiable_difference_is_the_exact_one():
    _, decoder, _, trace = _engine(small_model())
    relevant = docid_tokens()[:QUERIES, None]
    ranks, exact = decoder.unembedding.among_docids(trace.states[-1], relevant)
    again = decoder.unembedding.difference(trace.states[-1], relevant)
    torch.testing.assert_close(again.double(), exact, atol=1e-5, rtol=1e-4)
    both = decoder.unembedding.ranks_and_logits(trace.states[-1], relevant)
    assert torch.equal(ranks, both.docid)
    assert torch.equal(exact, both.relevant_logit - both.other_logit)


def test_without_another_document_there_is_no_difference():
    _, decoder, _, trace = _engine(small_model())
    every = docid_tokens().expand(QUERIES, -1)
    assert decoder.unembedding.difference(trace.states[-1], every).isnan().all()
