from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from plain_communication import (
    earlier,
    head_split,
    neuron_weights,
    plain_shares,
    recorded,
    through_norm,
)
from plain_t5 import FAMILIES
from small_subjects import small_subject

from genir.analyses.communication import (
    communication,
    head_contributions,
    mean_shares,
    neuron_contributions,
    sources_of,
)
from genir.analyses.late_cosines import late_cosines
from genir.analyses.top_heads import top_heads
from genir.base.names import COMPONENTS
from genir.subjects.blocks import Blocks

LAYERS = range(3)
STAGE = range(1, 3)
SIZES = [Blocks(1, 1), Blocks(4, 5), Blocks(7, 40), Blocks(64, 64)]


@pytest.fixture(scope="module", params=FAMILIES)
def subject(request):
    return small_subject(request.param)


@pytest.fixture(scope="module")
def records(subject):
    return [recorded(subject.plain, tokens) for tokens in subject.queries.inputs]


@pytest.fixture(scope="module")
def table(subject):
    return communication(subject)


def whole_run(subject):
    memory, trace = subject.trace()
    return memory, trace


def test_the_terms_add_up_to_the_residual_stream(subject):
    _, trace = whole_run(subject)
    torch.testing.assert_close(trace.terms.cumsum(0), trace.states)


def test_contributions_to_a_neuron_sum_to_its_preactivation(subject, records):
    _, trace = whole_run(subject)
    for layer in LAYERS:
        terms = trace.terms[: len(sources_of("mlp", layer))]
        signed = neuron_contributions(subject.decoder, trace, layer, terms)
        for record, of_query in zip(records, signed, strict=True):
            preactivation = record.preactivations[layer]
            active = preactivation[preactivation > 0]
            assert 0 < len(active) < len(preactivation)
            torch.testing.assert_close(of_query.sum(0), active, atol=1e-5, rtol=1e-4)


def test_contributions_to_a_head_sum_to_its_attention_score(subject, records):
    memory, trace = whole_run(subject)
    for layer in LAYERS:
        terms = trace.terms[: len(sources_of("cross_attention", layer))]
        signed = head_contributions(subject.decoder, memory, trace, layer, terms)
        for record, of_query in zip(records, signed, strict=True):
            places = record.attention[layer].argmax(1)
            queries, keys = record.queries[layer].view(3, -1), record.keys[layer]
            attended = keys.view(len(keys), 3, -1)[places, torch.arange(3)]
            score = (queries * attended).sum(1)
            torch.testing.assert_close(of_query.sum(0), score, atol=1e-5, rtol=1e-4)


def test_every_target_has_every_earlier_source_once(table):
    for (target, layer), part in table.groupby(["target", "target_layer"]):
        of_query = part[part["query_id"] == "q03"]
        found = set(zip(of_query["source"], of_query["source_layer"], strict=True))
        wanted = {(place[1], place[0]) for place in earlier(layer, target)[1:]}
        assert found == wanted | {("embedding", -1)}
        assert len(of_query) == len(found)
    assert table["share"].dtype == np.float32


def test_shares_sum_to_one(table):
    sums = table.groupby(["query_id", "target", "target_layer"])["share"].sum()
    assert sums.to_numpy() == pytest.approx(1, abs=1e-5)
    assert table["share"].between(0, 1).all()


def test_shares_equal_hooks_on_the_plain_model(subject, records, table):
    shares = table.set_index(["query_id", "target", "target_layer", "source", "source_layer"])
    for query, record in zip(subject.queries.ids, records, strict=True):
        for layer in LAYERS:
            for target in ("mlp", "cross_attention"):
                for source, share in plain_shares(subject.plain, record, target, layer).items():
                    name = ("embedding", -1) if source == "embedding" else source[::-1]
                    ours = shares.loc[(query, target, layer, *name), "share"]
                    assert ours == pytest.approx(share, abs=1e-4)


def test_units_that_nothing_pushes_upwards_are_left_out():
    signed = torch.tensor([[1.0, -1.0, 3.0], [-2.0, -1.0, 1.0]])
    assert mean_shares(signed).tolist() == [0.875, 0.125]
    assert mean_shares(signed[:, 1:2]).isnan().all()
    assert mean_shares(signed[:, :0]).isnan().all()


def plain_top_heads(subject, record, stage):
    """How many active neurons have each head among their five largest sources, neuron by neuron."""
    model, counted = subject.plain, {}
    for layer in stage:
        sources = {"embedding": record.outputs["embedding"]}
        for place in earlier(layer, "mlp")[1:]:
            if place[1] == "mlp":
                sources[place] = record.outputs[place]
            else:
                sources |= {(*place, h): v for h, v in enumerate(head_split(model, record, place))}
        normed = {
            name: through_norm(model, record, layer, "mlp", value)
            for name, value in sources.items()
        }
        for neuron, weights in enumerate(neuron_weights(model, layer)):
            if record.preactivations[layer][neuron] > 0:
                signed = {name: float(weights @ value) for name, value in normed.items()}
                for name in sorted(signed, key=signed.get)[-5:]:
                    counted[name] = counted.get(name, 0) + 1
    return counted


def test_top_heads_equal_a_slow_loop_over_the_plain_model(subject, records):
    table = top_heads(subject, STAGE)
    assert len(table) == 11 * 3 * 2 * 3
    assert (table["counts"] == (table["neurons"] > 0)).all()
    for query, record in zip(subject.queries.ids, records, strict=True):
        rows = table[table["query_id"] == query].set_index(["layer", "component", "head"])
        counted = plain_top_heads(subject, record, STAGE)
        for name, neurons in rows["neurons"].items():
            assert neurons == counted.get(name, 0), (query, name)


def test_late_cosines_equal_the_plain_model():
    subject = small_subject("relu-tied", layers=5)
    table = late_cosines(subject, range(2))
    assert table["layer"].unique().tolist() == [2, 3]
    assert len(table) == 11 * 2 * 3 * 3
    rows = table.set_index(["query_id", "layer", "component", "with_layer"])["cosine"]
    for query, tokens in zip(subject.queries.ids, subject.queries.inputs, strict=True):
        outputs = recorded(subject.plain, tokens).outputs
        written = {layer: outputs[layer, "mlp"] for layer in range(2)}
        written[-1] = written[0] + written[1]
        for layer, component in product((2, 3), COMPONENTS):
            late = outputs[layer, component]
            for with_layer, first in written.items():
                cosine = float(late @ first / (late.norm() * first.norm()))
                ours = rows[query, layer, component, with_layer]
                assert ours == pytest.approx(cosine, abs=1e-5)


@pytest.mark.parametrize("sizes", SIZES)
def test_block_sizes_change_nothing(sizes, table, subject):
    family = "gated-untied" if subject.model.architecture.gated else "relu-tied"
    other = small_subject(family, sizes=sizes)
    pd.testing.assert_frame_equal(communication(other), table, atol=1e-5)
    pd.testing.assert_frame_equal(top_heads(other, STAGE), top_heads(subject, STAGE))
    pd.testing.assert_frame_equal(
        late_cosines(other, range(1)), late_cosines(subject, range(1)), atol=1e-5
    )
