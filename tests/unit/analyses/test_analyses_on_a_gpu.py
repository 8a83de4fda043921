"""Analyses on a GPU give the tables that they give on the CPU."""

import numpy as np
import pandas as pd
import pytest
import torch
from on_devices import device_of, on_every_device
from pandas.testing import assert_frame_equal
from plain_t5 import FAMILIES
from small_subjects import small_subject

from genir.analyses.as_released import ranks_without_mask
from genir.analyses.attribution import UNITS, estimates, heads_of
from genir.analyses.circuit import FIXED, replacements
from genir.analyses.circuit_curve import curves
from genir.analyses.circuit_model import cut_values
from genir.analyses.communication import communication
from genir.analyses.contributions import contributions
from genir.analyses.direct_contribution import direct_contribution
from genir.analyses.donors import asked
from genir.analyses.encoder_swap import partial_encoder
from genir.analyses.head_lens import head_lens
from genir.analyses.late_cosines import late_cosines
from genir.analyses.patch_edge import edge_effects, edge_names, edge_patches
from genir.analyses.patching import (
    head_patches,
    patch_means,
    patched_ranks,
    place_means,
    single_patches,
)
from genir.analyses.rank_development import rank_development
from genir.analyses.rank_queries import rank_queries, top_documents
from genir.analyses.released_communication import communication_as_released
from genir.analyses.signed_contributions import signed_contributions
from genir.analyses.top_heads import top_heads
from genir.base.names import ABLATIONS, METHODS
from genir.engine.circuit import circuit_of
from genir.engine.encoder import LeanEncoder
from genir.files.checkpoint import Checkpoint
from genir.models.tokens import pad_rows
from genir.subjects.circuit import CircuitSubject
from genir.subjects.shards import Shards
from genir.verification.compare import compare, prepare
from genir.verification.differences import beyond_tolerance
from genir.verification.hugging_face import PlainReference

STAGES = {"I": (0, 0), "II": (1, 1), "III": (2, 2)}


def _patched(subject, start):
    donors = subject.over(subject.queries.take(np.roll(np.arange(len(subject.queries)), 1)))
    patches = single_patches(range(3), METHODS) | head_patches(range(3), 3, METHODS)
    means = patch_means(subject, np.arange(len(subject.queries)) % 3 > 0, patches)
    return pd.concat(patched_ranks(subject, means, start, patches, donors))


def _means(subject):
    places = [*subject.decoder.places, *heads_of(subject)]
    return place_means(subject, np.arange(len(subject.queries)) % 3 > 0, places)


def _edges(subject, _):
    which = edge_patches(subject), edge_names(subject)
    parts = [
        edge_effects(*asked(subject, method, 1), _means(subject), method, *which)[0]
        for method in ABLATIONS
    ]
    return pd.concat(parts)


def _estimates(subject, _):
    found = [
        estimates(*asked(subject, method, 1), _means(subject), method, [unit])[unit][0]
        for method in ABLATIONS
        for unit in UNITS
    ]
    return pd.concat(found)


def _circuits(subject, _):
    return curves(subject, _means(subject), {"mean": subject.decoder.places}, 1)


def _circuit_model(subject, _):
    cut = replacements(FIXED["study"], {"I": (0, 0), "II": (1, 1), "III": (2, 2)})
    circuit = circuit_of(subject.model, cut_values(subject.model, cut, _means(subject)))
    return rank_queries(CircuitSubject(circuit, subject.docids, subject.queries, subject.limits))


def _top_documents(subject, _):
    return pd.DataFrame(top_documents(subject, 7)).astype(str)


def _swapped(subject, start):
    mixed = partial_encoder(subject.model, start.model, "layer1.mlp")
    encoders = (LeanEncoder(start.model), mixed)
    return pd.concat([rank_queries(subject, encoder) for encoder in encoders])


def _without_mask(subject, _):
    listed = subject.over(subject.queries.take(np.arange(6)))
    return pd.concat(ranks_without_mask(listed, subject, STAGES, ["zero", "mean"]))


TABLES = {
    "rank_queries": lambda subject, _: rank_queries(subject),
    "top_documents": _top_documents,
    "patched": _patched,
    "swapped": _swapped,
    "circuits": _circuits,
    "circuit_model": _circuit_model,
    "edges": _edges,
    "estimates": _estimates,
    "rank_development": lambda subject, _: rank_development(subject),
    "direct_contribution": lambda subject, _: direct_contribution(subject),
    "signed_contributions": lambda subject, _: signed_contributions(subject),
    "contributions": lambda subject, _: contributions(subject),
    "late_cosines": lambda subject, _: late_cosines(subject, range(1)),
    "docid_share": lambda subject, _: head_lens(subject).docid_share,
    "top_tokens": lambda subject, _: head_lens(subject).top_tokens,
    "communication": lambda subject, _: communication(subject),
    "top_heads": lambda subject, _: top_heads(subject, range(2, 3)),
    "without_mask": _without_mask,
    "means_of_neurons": lambda subject, _: communication_as_released(subject, STAGES),
}


@on_every_device
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", TABLES)
def test_tables_are_those_of_the_cpu(kind, family, name):
    expected, found = (
        TABLES[name](*(small_subject(family, seed, device=device) for seed in (0, 1)))
        for device in (torch.device("cpu"), device_of(kind))
    )
    assert_frame_equal(found, expected, rtol=1e-4, atol=1e-5)


@on_every_device
@pytest.mark.parametrize("family", FAMILIES)
def test_plain_hugging_face_computes_the_same_there(kind, family, tmp_path):
    subject, start = (small_subject(family, seed, device=device_of(kind)) for seed in (0, 1))
    ids = torch.from_numpy(pad_rows(subject.queries.inputs, 0))
    inputs = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    references = []
    for number, model in enumerate((subject, start)):
        model.plain.save_pretrained(tmp_path / str(number))
        references.append(PlainReference(tmp_path / str(number), inputs, subject.device))
    ours = prepare(subject, start, seed=3)
    found = compare(ours, references[0], references[1].captured(), inputs)
    table = found.table("plain", len(subject.queries))
    assert len(beyond_tolerance(table)) == 0


@on_every_device
def test_a_killed_analysis_goes_on_from_what_it_kept(kind, tmp_path, monkeypatch):
    subject = small_subject(device=device_of(kind))
    expected = rank_development(subject)
    kept = small_subject(device=device_of(kind))
    vars(kept)["shards"] = Shards(tmp_path, seconds=0.0, memory_mb=4000)
    saves = 0

    def killed_after_three(self, state, save=Checkpoint.save):
        nonlocal saves
        saves += 1
        if saves > 3:
            raise KeyboardInterrupt
        save(self, state)

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", killed_after_three)
        with pytest.raises(KeyboardInterrupt):
            rank_development(kept)
    assert kept.shards.begun
    assert_frame_equal(rank_development(kept), expected, check_exact=True)
