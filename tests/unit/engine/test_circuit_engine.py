"""A circuit as a model of its own ranks as the patched engine does."""

import pytest
import torch
from plain_t5 import ALL_FAMILIES
from small_subjects import small_subject

from genir.analyses.circuit import FIXED, replacements
from genir.analyses.circuit_model import cut_values
from genir.analyses.patching import patched_ranks, place_means
from genir.analyses.rank_queries import rank_queries, top_documents
from genir.engine.circuit import VECTORS, CircuitDecoder, all_places, circuit_of
from genir.subjects import blocks
from genir.subjects.circuit import CircuitSubject

LAYERS = {"I": (0, 1), "II": (2, 3), "III": (4, 4)}
PLACES = all_places(5)
CUTS = {
    "nothing": {},
    "everything, zero": dict.fromkeys(PLACES, "zero"),
    "everything, mean": dict.fromkeys(PLACES, "mean"),
    "study": replacements(FIXED["study"], LAYERS),
    "study by mean": replacements(FIXED["mean"], LAYERS),
    "cross-attention of the first layers": {(i, "cross_attention"): "mean" for i in range(3)},
    "every other": dict.fromkeys(PLACES[1::2], "mean"),
    "all but one cross-attention": {p: "zero" for p in PLACES if p != (3, "cross_attention")},
    "all but one MLP": {place: "mean" for place in PLACES if place != (2, "mlp")},
}


def _circuit(subject, cut, means):
    circuit = circuit_of(subject.model, cut_values(subject.model, cut, means))
    return CircuitSubject(circuit, subject.docids, subject.queries, subject.limits)


@pytest.mark.parametrize("family", ALL_FAMILIES)
def test_every_query_has_the_rank_it_has_in_the_patched_model(family):
    subject = small_subject(family, queries=40, layers=5)
    correct = torch.arange(40).numpy() % 3 > 0
    means = place_means(subject, correct, PLACES)
    tables = patched_ranks(subject, means, None, CUTS)
    seen = set()
    for name, cut in CUTS.items():
        own = _circuit(subject, cut, means)
        ranks, patched = rank_queries(own), tables[name]
        for kind in ("vocabulary_rank", "docid_rank"):
            assert ranks[kind].tolist() == patched[kind].tolist(), name
        for logit in ("relevant_logit", "other_logit"):
            found, expected = (torch.tensor(table[logit]) for table in (ranks, patched))
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
        seen.add(tuple(ranks["vocabulary_rank"]))
    assert len(seen) == len(CUTS)
    assert rank_queries(subject)["docid_rank"].tolist() == tables["nothing"]["docid_rank"].tolist()


def test_what_nothing_of_the_query_reaches_is_folded_into_the_first_vector():
    subject = small_subject(layers=5)
    means = place_means(subject, torch.ones(11).bool().numpy(), PLACES)
    computed = {name: _circuit(subject, cut, means).model.places for name, cut in CUTS.items()}
    assert computed["nothing"] == tuple(PLACES[1:])
    assert computed["everything, mean"] == computed["all but one MLP"] == ()
    assert computed["all but one cross-attention"] == ((3, "cross_attention"),)
    kept = tuple(place for place in PLACES if place not in CUTS["study"])
    assert computed["study"] == kept
    assert computed["cross-attention of the first layers"][0] == (3, "cross_attention")


def test_what_is_cut_is_gone():
    subject = small_subject(layers=5)
    means = place_means(subject, torch.ones(11).bool().numpy(), PLACES)
    circuit = _circuit(subject, CUTS["study"], means).model
    names = [name for name in circuit.weights if name.startswith("decoder.")]
    assert len(names) == 1 + 3 * 5 + 1 * 3
    assert not [name for name in names if ".0." in name.partition(".layer.")[2][:2]]
    assert circuit.weights[VECTORS].shape == (5, 16)
    assert len(CircuitDecoder(circuit, subject.docid_tokens).steps) == 4


def test_documents_are_listed_as_ranks_say_and_blocks_change_nothing(monkeypatch):
    subject = small_subject("gated-untied", queries=40, layers=5)
    means = place_means(subject, torch.ones(40).bool().numpy(), PLACES)
    own = _circuit(subject, CUTS["study"], means)
    lists, ranks = top_documents(own, 40), rank_queries(own)
    monkeypatch.setattr(blocks, "MAXIMUM_QUERIES", 3)
    assert len(own.query_blocks()) == 14
    assert (top_documents(own.over(own.queries), 40) == lists).all()
    for row in range(1, 40):
        first = lists[row].tolist().index(own.queries.doc_ids[row])
        assert first + 1 == ranks["docid_rank"][row]
