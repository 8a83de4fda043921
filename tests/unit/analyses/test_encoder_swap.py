import copy

import pytest
import torch
from plain_t5 import plain_logits, plain_ranks
from small_subjects import relevant_lists, small_subject

from genir.analyses.encoder_swap import partial_encoder, with_final_norm
from genir.analyses.rank_queries import rank_queries
from genir.base.errors import AnalysisError
from genir.base.names import part_names
from genir.engine.encoder import LeanEncoder, token_batch
from genir.models.tokens import pad_rows


def _hidden(encoder, subject):
    batch = token_batch(subject.queries.inputs)
    return batch.layout.to_grid(encoder(batch))


def test_swapping_an_encoder_with_itself_changes_nothing():
    subject = small_subject()
    assert rank_queries(subject, LeanEncoder(subject.model)).equals(rank_queries(subject))
    own = _hidden(subject.encoder, subject)
    for part in part_names(2):
        encoder = partial_encoder(subject.model, subject.model, part)
        torch.testing.assert_close(_hidden(encoder, subject), own)


def test_a_whole_swap_equals_a_model_put_together_by_hand():
    subject, donor = small_subject(), small_subject(seed=4)
    chimera = copy.deepcopy(subject.plain)
    chimera.encoder = copy.deepcopy(donor.plain.encoder)
    ids = torch.from_numpy(pad_rows(subject.queries.inputs, 0))
    logits = plain_logits(chimera, ids, (ids != 0).long())
    swapped = rank_queries(subject, donor.encoder)
    expected = plain_ranks(logits, relevant_lists(subject), torch.arange(logits.shape[1]))
    assert swapped["vocabulary_rank"].tolist() == expected
    assert not swapped.equals(rank_queries(subject))


def test_the_decoder_keeps_its_own_embedding():
    subject, donor = small_subject(), small_subject(seed=4)
    before = {name: value.clone() for name, value in subject.model.weights.items()}
    for part in part_names(2):
        partial_encoder(subject.model, donor.model, part)
    with_final_norm(donor.model, subject.model)
    rank_queries(subject, donor.encoder)
    for name, value in subject.model.weights.items():
        assert torch.equal(value, before[name]), name


def test_every_part_changes_the_output_and_keeps_the_final_norm():
    subject, donor = small_subject(), small_subject(seed=4)
    own = _hidden(subject.encoder, subject)
    for part in part_names(2):
        encoder = partial_encoder(subject.model, donor.model, part)
        assert (_hidden(encoder, subject) - own).abs().max() > 1e-4, part
        assert encoder.final_norm is subject.encoder.final_norm


@pytest.mark.parametrize("part", part_names(2))
def test_a_partial_swap_equals_a_model_put_together_by_hand(part):
    subject, donor = small_subject(), small_subject(seed=4)
    own, other = copy.deepcopy(subject.plain.encoder), donor.plain.encoder
    place, _, half = part.partition(".")
    if place in ("embedding", "up_to"):
        own.embed_tokens = other.embed_tokens
    if place == "up_to":
        for layer in range(int(half.removeprefix("layer")) + 1):
            own.block[layer] = other.block[layer]
    elif place != "embedding":
        layer, number = int(place.removeprefix("layer")), int(half == "mlp")
        own.block[layer].layer[number] = other.block[layer].layer[number]
    ids = torch.from_numpy(pad_rows(subject.queries.inputs, 0))
    mask = (ids != 0).long()
    with torch.no_grad():
        expected = own(input_ids=ids, attention_mask=mask).last_hidden_state * mask[..., None]
    swapped = _hidden(partial_encoder(subject.model, donor.model, part), subject)
    torch.testing.assert_close(swapped, expected, atol=1e-4, rtol=1e-5)


def test_all_layers_and_the_norm_are_the_whole_encoder():
    subject, donor = small_subject(), small_subject(seed=4)
    own_norm = with_final_norm(donor.model, subject.model)
    all_layers = partial_encoder(subject.model, donor.model, "up_to.layer1")
    torch.testing.assert_close(_hidden(own_norm, subject), _hidden(all_layers, subject))
    norms = donor.encoder.final_norm / subject.encoder.final_norm
    whole = _hidden(all_layers, subject) * norms
    torch.testing.assert_close(whole, _hidden(donor.encoder, subject), atol=1e-5, rtol=1e-4)


def test_an_unknown_part_is_named_with_the_known_ones():
    model = small_subject().model
    with pytest.raises(AnalysisError, match=r"'layer7.mlp' is no part.*up_to.layer1"):
        partial_encoder(model, model, "layer7.mlp")
