import numpy as np
import pandas as pd
import pytest
import torch
from plain_edges import plain_edges
from plain_t5 import FAMILIES, docid_tokens, plain_logits, plain_margin
from small_subjects import relevant_lists, small_subject

from genir.analyses.circuit_orders import logit_difference
from genir.analyses.donors import asked
from genir.analyses.edges import name_and_layer, single_edges, stage_edges
from genir.analyses.patch_edge import MOST_QUERIES, edge_effects
from genir.analyses.patching import drawn_rows, patched_ranks, place_means
from genir.analyses.rank_queries import rank_queries
from genir.base.names import ABLATIONS, EMBEDDING, UNEMBEDDING
from genir.engine.edges import output_of, sources_of
from genir.files.io import write_json, write_parquet
from genir.models.tokens import pad_rows
from genir.tables import edges as table
from genir.tables import edges_by_stage

STAGES = {"I": (0, 0), "II": (1, 1), "III": (2, 2)}


def _means(subject):
    every = np.ones(len(subject.queries), dtype=bool)
    return place_means(subject, every, subject.decoder.places)


def _effects(subject, method, patches, names):
    own, donors = asked(subject, method, 1)
    found, seconds = edge_effects(own, donors, _means(subject), method, patches, names)
    assert seconds > 0
    return found


def _named(patches):
    return pd.DataFrame({"number": range(len(patches))})


@pytest.mark.parametrize("method", ABLATIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_edge_equals_plain_hooks(family, method):
    subject = small_subject(family)
    own, donors = asked(subject, method, 1)
    _, trace = own.trace()
    given = None if donors is None else donors.trace()[1]
    ids = torch.from_numpy(pad_rows(own.queries.inputs, 0))
    patches = [{reader: [source]} for source, reader in single_edges(subject.decoder)]
    found = _effects(subject, method, patches, _named(patches))
    assert len(found) == len(patches) * len(own.queries)
    relevant, moved = relevant_lists(own), 0
    for number, patch in enumerate(patches):
        ((reader, (source,)),) = patch.items()
        clean = output_of(trace, source)
        value = clean.mean(0) if given is None else output_of(given, source)
        with plain_edges(own.plain, {reader: {source: value}}):
            logits = plain_logits(own.plain, ids, (ids != 0).long())
        best, other = plain_margin(logits, relevant, docid_tokens())
        expected = np.subtract(best, other)
        rows = found[found["number"] == number]
        assert rows["query_id"].tolist() == own.queries.ids.tolist()
        np.testing.assert_allclose(rows["difference"], expected, rtol=1e-3, atol=2e-4)
        moved += not np.allclose(rows["difference"], rows["unmodified"], atol=1e-5)
    # Embedding and layer 0's self-attention say the same of every query.
    assert moved == len(patches) - 10 - 9


@pytest.mark.parametrize("method", ABLATIONS)
def test_all_edges_out_of_a_source_are_the_source(method):
    subject = small_subject()
    decoder = subject.decoder
    patches = [
        {r: [place] for r in [*decoder.places, UNEMBEDDING] if place in sources_of(decoder, r)}
        for place in decoder.places
    ]
    found = _effects(subject, method, patches, _named(patches))
    own, donors = asked(subject, method, 1)
    whole = {str(place): {place: method} for place in decoder.places}
    tables = patched_ranks(own, _means(subject), None, whole, donors)
    for number, place in enumerate(decoder.places):
        rows = found[found["number"] == number]
        expected = logit_difference(tables[str(place)])
        np.testing.assert_allclose(rows["difference"], expected, rtol=1e-3, atol=1e-4)
        assert rows["docid_rank"].tolist() == tables[str(place)]["docid_rank"].tolist()
        assert rows["unmodified"].to_numpy() == pytest.approx(logit_difference(rank_queries(own)))


def test_edges_between_stages():
    decoder = small_subject().decoder
    groups = stage_edges(decoder, {"I": (0, 0), "II": (1, 2), "III": (2, 2)})
    assert groups["mlp", "I", "cross_attention", "II"] == {
        (1, "cross_attention"): [(0, "mlp")],
        (2, "cross_attention"): [(0, "mlp")],
    }
    # In a stage of two layers a component reads itself and those behind it in the layer before.
    assert groups["mlp", "II", "self_attention", "II"] == {(2, "self_attention"): [(1, "mlp")]}
    assert ("mlp", "I", "cross_attention", "I") not in groups
    assert groups[EMBEDDING, "all", UNEMBEDDING, "all"] == {UNEMBEDDING: [EMBEDDING]}
    single = list(single_edges(decoder))
    assert len(single) == len(set(single)) == 10 * 11 // 2
    alone = stage_edges(decoder, STAGES)
    joined = [(s, r) for group in alone.values() for r, read in group.items() for s in read]
    assert sorted(map(str, joined)) == sorted(map(str, single))


def test_at_most_128_queries_are_drawn():
    correct = np.arange(500) % 2 == 0
    rows = drawn_rows(correct, MOST_QUERIES, 1)
    assert len(rows) == MOST_QUERIES == len(set(rows))
    assert correct[rows].all()
    assert list(rows) == sorted(rows)
    again, other = (drawn_rows(correct, MOST_QUERIES, seed) for seed in (1, 2))
    assert list(rows) == list(again) != list(other)
    assert drawn_rows(correct[:20], MOST_QUERIES, 1).tolist() == list(range(0, 20, 2))


def _rows(places, columns, differences, ranks):
    """Three queries with an unmodified difference of 2 each, and what each edge leaves of it."""
    rows = [
        {"query_id": f"q{query}", "doc_id": f"d{query}", **dict(zip(columns, place, strict=True))}
        | {"difference": left[query], "unmodified": 2.0, "docid_rank": rank[query]}
        for query in range(3)
        for place, left, rank in zip(places, differences, ranks, strict=True)
    ]
    return pd.DataFrame(rows).assign(method="mean")


def test_tables_by_hand(tmp_path):
    write_json(tmp_path / "stages.json", {"used": STAGES, "status": "imposed"})
    stages = {"m": tmp_path / "stages.json"}
    places = [("embedding", -1, "mlp", 1), ("mlp", 2, "unembedding", -1)]
    columns = ["source", "source_layer", "reader", "reader_layer"]
    frame = _rows(places, columns, [[2, 2, 2], [1, 0, -1]], [[1, 1, 1], [1, 1, 2]])
    write_parquet(tmp_path / "edges.parquet", frame)
    made = table.make({"m": tmp_path / "edges.parquet"}, stages, seed=1)
    assert list(made.rows) == table.COLUMNS
    none, some = made.rows.to_dict("records")
    assert (none["value"], none["low"], none["high"], none["percent_not_first"]) == (0, 0, 0, 0)
    assert (none["source_stage"], none["reader_stage"]) == ("all", "II")
    assert some["value"] == pytest.approx(1)
    assert some["low"] < 1 < some["high"]
    assert some["percent_not_first"] == pytest.approx(100 / 3)
    assert (some["source_stage"], some["n"]) == ("III", 3)
    assert "2 mlp (III)" in made.shown

    columns = ["source", "source_stage", "reader", "reader_stage"]
    places = [("mlp", "I", "cross_attention", "II"), ("mlp", "III", "unembedding", "all")]
    frame = _rows(places, columns, [[2, 2, 2], [1, 0, -1]], [[1, 1, 1], [1, 1, 2]])
    write_parquet(tmp_path / "stages.parquet", frame)
    made = edges_by_stage.make({"m": tmp_path / "stages.parquet"}, stages, seed=1)
    assert list(made.rows) == edges_by_stage.COLUMNS
    assert made.rows["value"].tolist() == pytest.approx([0, 1])
    assert made.shown["source"].tolist() == ["mlp III", "mlp I"]


def test_names_of_nodes():
    assert name_and_layer(EMBEDDING) == ("embedding", -1)
    assert name_and_layer((4, "mlp")) == ("mlp", 4)
