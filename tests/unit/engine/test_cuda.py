"""The engine on a GPU gives what it gives on the CPU."""

import pytest
import torch
from on_devices import device_of, on_every_device
from plain_t5 import ALL_FAMILIES, docid_tokens, random_inputs, small_model

from genir.base.names import COMPONENTS
from genir.engine.decoder import LeanDecoder
from genir.engine.encoder import LeanEncoder, token_batch
from genir.engine.ranking import Unembedding
from genir.engine.t5 import t5_of


def _ranks(model, device, precision):
    ids, mask = random_inputs()
    inputs = [row[kept.bool()].numpy() for row, kept in zip(ids, mask, strict=True)]
    whole = t5_of(model.to(device))
    decoder = LeanDecoder(whole, docid_tokens(), precision)
    batch = token_batch(inputs, device)
    with torch.no_grad():
        memory = decoder.memory(LeanEncoder(whole)(batch), batch.layout)
    trace = decoder.trace(memory)
    places = [(layer, name) for layer in range(3) for name in COMPONENTS]
    patches = [{place: torch.zeros(16, device=device)} for place in places]
    relevant = torch.arange(60, 60 + len(ids))[:, None]
    found = [
        decoder.unembedding.ranks(stream, relevant)
        for stream in decoder.run(memory, trace, patches)
    ]
    return [(ranks.vocabulary.tolist(), ranks.docid.tolist()) for ranks in found]


@on_every_device
@pytest.mark.parametrize("family", ALL_FAMILIES)
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_ranks_are_those_of_the_cpu(kind, family, precision):
    model = small_model(family)
    expected = _ranks(model, "cpu", torch.float32)
    assert _ranks(model, device_of(kind), precision) == expected


@on_every_device
def test_ties_go_to_the_lower_id(kind):
    """Equal logits are counted by the exact product alone, on any device."""
    device = device_of(kind)
    head = torch.ones(100, 16, device=device)
    head[:10] *= 2
    unembedding = Unembedding(head, torch.ones(16, device=device), 1e-6, 1.0, docid_tokens())
    states = torch.ones(40, 16, device=device)
    ranks = unembedding.ranks(states, torch.arange(60, 100)[:, None])
    assert ranks.vocabulary.tolist() == list(range(61, 101))
    assert ranks.docid.tolist() == list(range(1, 41))
    assert unembedding.top(states[:2], 5).tolist() == [[60, 61, 62, 63, 64]] * 2
