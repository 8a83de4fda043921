import pytest
import torch
from plain_t5 import FAMILIES, random_inputs
from small_subjects import small_subject

from genir.engine.unseen_tokens import without_tokens


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


def test_no_token_less_changes_nothing_and_cases_may_come_in_any_order():
    subject = small_subject()
    memory, trace = subject.trace()
    rows = torch.tensor([4, 4, 0, 9])
    unseen = torch.zeros(4, memory.bias.shape[-1], dtype=torch.bool)
    same = without_tokens(subject.decoder, memory, trace, rows, unseen, [0, 1, 2])
    torch.testing.assert_close(same, trace.states[-1][rows], atol=1e-5, rtol=1e-5)


def test_all_tokens_but_one_less_is_a_query_of_that_one():
    """As far as the decoder goes: the encoder has read the others."""
    subject = small_subject()
    longest = max(range(len(subject.queries)), key=lambda row: len(subject.queries.inputs[row]))
    memory, trace = subject.trace()
    length = len(subject.queries.inputs[longest])
    unseen = torch.zeros(1, memory.bias.shape[-1], dtype=torch.bool)
    unseen[0, 1:length] = True
    rows = torch.tensor([longest])
    ours = without_tokens(subject.decoder, memory, trace, rows, unseen, range(3))
    alone = subject.decoder.trace(subject.memory([subject.hidden[longest][:1]])).states[-1]
    torch.testing.assert_close(ours, alone, atol=1e-5, rtol=1e-5)
