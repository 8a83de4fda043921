import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from plain_t5 import FAMILIES, random_inputs
from random_t5 import random_models
from small_subjects import small_subject

from genir.engine.decoder import LeanDecoder
from genir.engine.encoder import LeanEncoder, layout_of, token_batch
from genir.engine.t5 import t5_of
from genir.engine.unseen_tokens import without_tokens

QUERIES = 4


def _plain_last_states(subject, ids, mask, blind, unseen):
    """The decoder's last state with another attention mask in some layers' cross-attentions."""
    model, lowest = subject.plain, torch.finfo(torch.float32).min
    memory = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    seen = torch.zeros(len(ids), 1, 1, ids.shape[1]).masked_fill(
        ~mask.bool()[:, None, None], lowest
    )
    hidden = seen.masked_fill(unseen[:, None, None], lowest)

    def own(layer):
        """Every layer its own mask; the model adds that of the first to all of them."""
        told = {"mask": hidden if layer in blind else seen, "position_bias": None}
        return lambda module, arguments, named: (arguments, named | told)

    attentions = [block.layer[1].EncDecAttention for block in model.decoder.block]
    handles = [
        attention.register_forward_pre_hook(own(layer), with_kwargs=True)
        for layer, attention in enumerate(attentions)
    ]
    start = torch.full((len(ids), 1), model.config.decoder_start_token_id)
    states = []
    keep = model.decoder.final_layer_norm.register_forward_pre_hook(
        lambda module, inputs: states.append(inputs[0][:, 0])
    )
    model.decoder(input_ids=start, encoder_hidden_states=memory, encoder_attention_mask=mask)
    for handle in [*handles, keep]:
        handle.remove()
    return states[0]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layers", [[0], [1, 2], [0, 1, 2]])
@torch.no_grad()
def test_it_is_the_plain_model_with_another_mask(family, layers):
    subject = small_subject(family)
    ids, mask = random_inputs(len(subject.queries))
    unseen = torch.zeros_like(mask, dtype=torch.bool)
    unseen[:, 0] = mask.sum(1) > 1
    memory, trace = subject.trace()
    rows = torch.arange(len(ids))
    ours = without_tokens(subject.decoder, memory, trace, rows, unseen, layers)
    plain = _plain_last_states(subject, ids, mask, layers, unseen)
    torch.testing.assert_close(ours, plain, atol=1e-4, rtol=1e-4)
    assert (ours - trace.states[-1]).abs().amax(1)[mask.sum(1) > 1].min() > 1e-4


@some.composite
def cases(draw):
    model = draw(random_models())
    lengths = torch.randint(1, 8, (QUERIES,))
    inputs = [torch.randint(1, model.config.vocab_size, (int(n),)).numpy() for n in lengths]
    rows = torch.tensor(draw(some.lists(some.integers(0, QUERIES - 1), min_size=1, max_size=6)))
    layers = range(model.config.num_decoder_layers)
    return model, inputs, rows, draw(some.sets(some.sampled_from(layers), min_size=1))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_identities(case):
    """Of queries in any order: no word changes nothing; all words, the tokens before the last one,
    are a memory of the last token alone, in the cross-attention of one layer or of all."""
    model, inputs, rows, layers = case
    decoder = LeanDecoder(t5_of(model), torch.arange(model.config.vocab_size)[-40:])
    batch = token_batch(inputs)
    with torch.no_grad():
        hidden = LeanEncoder(t5_of(model))(batch)
    memory = decoder.memory(hidden, batch.layout)
    trace = decoder.trace(memory)
    ends = torch.tensor([len(row) for row in inputs])
    unseen = torch.arange(memory.bias.shape[-1]) < ends[:, None] - 1
    scale = max(1.0, float(trace.states.abs().max()))

    def check(words, blind, expected):
        found = without_tokens(decoder, memory, trace, rows, words[rows], sorted(blind))
        torch.testing.assert_close(found, expected[rows], atol=1e-4 * scale, rtol=1e-3)

    check(torch.zeros_like(unseen), layers, trace.states[-1])
    last = decoder.memory(hidden[ends.cumsum(0) - 1], layout_of([1] * len(inputs)))
    check(unseen, range(len(decoder.layers)), decoder.trace(last).states[-1])
    place = (min(layers), "cross_attention")
    output = torch.zeros(1, *trace.states[0].shape)
    decoder.add(*place, trace.before(*place)[None], last, output, [{}])
    check(unseen, [place[0]], decoder.run(memory, trace, [{place: output[0]}])[0])
