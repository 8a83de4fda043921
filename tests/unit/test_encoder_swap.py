import copy

import pytest
import torch
from plain import plain_logits, plain_ranks
from subjects import relevant_lists, small_subject

from genir.encoder_parts import part_names
from genir.encoder_swap import partial_encoder, with_final_norm
from genir.errors import AnalysisError
from genir.queries import encode
from genir.retrieval import rank_queries
from genir.span_corruption import pad_rows


def _hidden(encoder, subject):
    return encode(encoder, subject.queries, 0)[0]


def test_swapping_an_encoder_with_itself_changes_nothing():
    subject = small_subject()
    assert rank_queries(subject, subject.model.encoder).equals(rank_queries(subject))
    own = _hidden(subject.model.encoder, subject)
    for part in part_names(2):
        encoder = partial_encoder(subject.model.encoder, subject.model.encoder, part)
        torch.testing.assert_close(_hidden(encoder, subject), own)


def test_a_whole_swap_equals_a_model_put_together_by_hand():
    subject, donor = small_subject(), small_subject(seed=4)
    chimera = copy.deepcopy(subject.model)
    chimera.encoder = copy.deepcopy(donor.model.encoder)
    ids = torch.from_numpy(pad_rows(subject.queries.inputs, 0))
    logits = plain_logits(chimera, ids, (ids != 0).long())
    swapped = rank_queries(subject, donor.model.encoder)
    expected = plain_ranks(logits, relevant_lists(subject), torch.arange(logits.shape[1]))
    assert swapped["vocabulary_rank"].tolist() == expected
    assert not swapped.equals(rank_queries(subject))


def test_the_decoder_keeps_its_own_embedding():
    subject, donor = small_subject(), small_subject(seed=4)
    before = {name: value.clone() for name, value in subject.model.state_dict().items()}
    for part in part_names(2):
        partial_encoder(subject.model.encoder, donor.model.encoder, part)
    with_final_norm(donor.model.encoder, subject.model.encoder)
    rank_queries(subject, donor.model.encoder)
    for name, value in subject.model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_every_part_changes_the_output_and_only_its_own_weights():
    subject, donor = small_subject(), small_subject(seed=4)
    own = _hidden(subject.model.encoder, subject)
    for part in part_names(2):
        encoder = partial_encoder(subject.model.encoder, donor.model.encoder, part)
        assert (_hidden(encoder, subject) - own).abs().max() > 1e-4, part
        assert torch.equal(
            encoder.final_layer_norm.weight, subject.model.encoder.final_layer_norm.weight
        )
    only = partial_encoder(subject.model.encoder, donor.model.encoder, "layer1.mlp")
    taken = {
        name
        for name, value in only.state_dict().items()
        if torch.equal(value, donor.model.encoder.state_dict()[name])
    }
    assert taken == {name for name in only.state_dict() if name.startswith("block.1.layer.1.")}


def test_all_layers_and_the_norm_are_the_whole_encoder():
    subject, donor = small_subject(), small_subject(seed=4)
    all_layers = partial_encoder(subject.model.encoder, donor.model.encoder, "up_to.layer1")
    whole = with_final_norm(all_layers, donor.model.encoder)
    torch.testing.assert_close(_hidden(whole, subject), _hidden(donor.model.encoder, subject))
    own_norm = with_final_norm(donor.model.encoder, subject.model.encoder)
    torch.testing.assert_close(_hidden(own_norm, subject), _hidden(all_layers, subject))


def test_an_unknown_part_is_named_with_the_known_ones():
    encoder = small_subject().model.encoder
    with pytest.raises(AnalysisError, match=r"'layer7.mlp' is no part.*up_to.layer1"):
        partial_encoder(encoder, encoder, "layer7.mlp")
