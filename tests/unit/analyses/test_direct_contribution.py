import pytest
import torch
from plain_t5 import (
    FAMILIES,
    component_module,
    plain_lens,
    plain_logits,
    plain_ranks,
    random_inputs,
)
from small_subjects import relevant_lists, small_subject

from genir.analyses.direct_contribution import direct_contribution, logit_contributions
from genir.base.names import COMPONENTS


@pytest.fixture(params=FAMILIES)
def subject(request):
    return small_subject(request.param)


def plain_outputs(subject, component):
    """Outputs of one kind of component in every layer, by hooks on the Hugging Face model."""
    found = []

    def keep(module, inputs, output):
        found.append((output[0] if isinstance(output, tuple) else output)[:, 0])

    layers = range(subject.plain.config.num_decoder_layers)
    modules = [component_module(subject.plain, layer, component) for layer in layers]
    handles = [module.register_forward_hook(keep) for module in modules]
    plain_logits(subject.plain, *random_inputs(len(subject.queries)))
    for handle in handles:
        handle.remove()
    return torch.stack(found)


@torch.no_grad()
def test_ranks_are_those_of_the_plain_models_summed_outputs(subject):
    table = direct_contribution(subject)
    assert list(table.columns) == "query_id doc_id source vocabulary_rank docid_rank".split()
    vocabulary = torch.arange(len(subject.model.embedding))
    docids = torch.tensor(list(subject.docids.values()))
    for source in COMPONENTS:
        rows = table[table["source"] == source]
        logits = plain_lens(subject.plain, plain_outputs(subject, source).sum(0))
        relevant = relevant_lists(subject)
        assert rows["query_id"].tolist() == subject.queries.ids.tolist()
        assert rows["vocabulary_rank"].tolist() == plain_ranks(logits, relevant, vocabulary)
        assert rows["docid_rank"].tolist() == plain_ranks(logits, relevant, docids)


def test_contributions_to_a_logit_sum_to_the_logit(subject):
    _, trace = subject.trace()
    logits = plain_logits(subject.plain, *random_inputs(len(subject.queries)))
    unembedding = subject.decoder.unembedding
    for query, token in [(0, 60), (5, 71), (10, 3)]:
        end = trace.states[-1][query]
        parts = logit_contributions(unembedding, trace.terms[:, query], end, token)
        assert parts.sum().item() == pytest.approx(logits[query, token].item(), abs=1e-4)
        assert len(parts) == 1 + 3 * len(COMPONENTS)


def test_heads_contribute_what_their_component_does(subject):
    memory, trace = subject.trace()
    end, unembedding = trace.states[-1][4], subject.decoder.unembedding
    heads = subject.decoder.head_outputs(memory, trace, 1, "cross_attention")[:, 4]
    whole = trace.output(1, "cross_attention")[4][None]
    parts = logit_contributions(unembedding, heads, end, 65)
    (component,) = logit_contributions(unembedding, whole, end, 65)
    assert parts.sum().item() == pytest.approx(component.item(), abs=1e-5)
    assert parts.abs().min() > 0
