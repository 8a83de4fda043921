import numpy as np
import pandas as pd
import pytest
import torch
from plain_t5 import FAMILIES
from small_subjects import small_subject

from genir.analyses.attribution import (
    STEPS,
    estimates,
    exact_heads,
    heads_of,
    node_attributions,
)
from genir.analyses.circuit_orders import logit_difference, nodes
from genir.analyses.donors import asked
from genir.analyses.patch_edge import edge_effects, edge_names, edge_patches
from genir.analyses.patching import Means, head_patches, patched_ranks, place_means
from genir.base.names import ABLATIONS
from genir.files.io import write_json, write_parquet
from genir.subjects.blocks import Blocks
from genir.tables import attribution as table

NODES = ["layer", "component"]


def _subject(family="relu-tied"):
    return small_subject(family, sizes=Blocks(12, 5))


def _means(subject):
    every = np.ones(len(subject.queries), dtype=bool)
    return place_means(subject, every, [*subject.decoder.places, *heads_of(subject)])


def _estimates(subject, method, unit, **options):
    asked_of, means = asked(subject, method, 1), _means(subject)
    found, seconds = estimates(*asked_of, means, method, [unit], **options)[unit]
    assert all(taken > 0 for taken in seconds.values())
    return found


def _lost(table):
    return (table["unmodified"] - table["difference"]).to_numpy()


def _edges(subject, method):
    which = edge_patches(subject), edge_names(subject)
    return edge_effects(*asked(subject, method, 1), _means(subject), method, *which)[0]


@pytest.mark.parametrize("method", ABLATIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_edges_of_a_component_sum_to_it_and_heads_of_an_attention_too(family, method):
    subject = _subject(family)
    asked_of, units = asked(subject, method, 1), ("edges", "heads", "nodes")
    together = estimates(*asked_of, _means(subject), method, units)
    edges, heads, whole = (table for table, _ in together.values())
    pd.testing.assert_frame_equal(_estimates(subject, method, "heads"), heads)
    names = ["query_id", "source_layer", "source"]
    for estimate in STEPS:
        of = whole.set_index(["query_id", *NODES])[estimate].sort_index()
        by_source = edges[edges["source"] != "embedding"].groupby(names)[estimate].sum()
        np.testing.assert_allclose(by_source.sort_index(), of, rtol=1e-3, atol=1e-5)
        by_component = heads.groupby(["query_id", *NODES])[estimate].sum()
        attentions = of.loc[by_component.index]
        np.testing.assert_allclose(by_component, attentions, rtol=1e-3, atol=1e-4)
        assert edges.loc[edges["source"] == "embedding", estimate].abs().max() == 0


def test_a_small_change_is_what_the_gradient_says():
    """Each output is replaced by one that differs from it by hundredths."""
    subject = _subject()
    model, (_, trace) = subject.decoder, subject.trace()
    query = 3
    own = subject.over(subject.queries.take(np.array([query])))
    sums = {p: trace.output(*p)[query] for p in model.places}
    random = torch.Generator().manual_seed(0)
    sums = {p: v + 1e-2 * torch.randn(16, generator=random) for p, v in sums.items()}
    moved = Means(sums, own.queries.ids)
    which = edge_patches(own), edge_names(own)
    lost = _lost(edge_effects(own, None, moved, "mean", *which)[0])
    found, _ = estimates(own, None, moved, "mean", ["edges"])["edges"]
    for estimate in STEPS:
        assert np.corrcoef(lost, found[estimate])[0, 1] > 0.99
        np.testing.assert_allclose(found[estimate], lost, atol=0.1 * np.abs(lost).max())


def test_the_line_ends_at_the_donor():
    subject = _subject()
    fine = _estimates(subject, "donor_random", "edges", steps={"many": 200})
    coarse = _estimates(subject, "donor_random", "edges", steps={"many": 400})
    difference = (fine["many"] - coarse["many"]).abs().max()
    assert difference < 0.1 * fine["many"].abs().max()
    again = _estimates(subject, "donor_random", "edges")
    assert again["integrated_1"].to_numpy() != pytest.approx(again["gradient"].to_numpy())


@pytest.mark.parametrize("method", ABLATIONS)
def test_exact_heads_are_in_the_order_of_their_names(method):
    subject = _subject()
    own, donors = asked(subject, method, 1)
    means = _means(subject)
    exact, seconds = exact_heads(own, donors, means, method)
    assert seconds > 0
    found = _estimates(subject, method, "heads").assign(exact=_lost(exact))
    patches = {"unmodified": {}} | head_patches(range(3), 3, [method])
    tables = patched_ranks(own, means, None, patches, donors)
    before = logit_difference(tables["unmodified"])
    for layer, component, head in heads_of(subject):
        rows = found.query("layer == @layer and component == @component and head == @head")
        after = logit_difference(tables[f"{method}/layer{layer}.{component}/{head}"])
        assert rows["exact"].to_numpy() == pytest.approx(before - after)
        assert rows["query_id"].tolist() == own.queries.ids.tolist()


def test_node_attributions_are_means_over_queries():
    subject = _subject()
    found = node_attributions(subject, _means(subject))
    assert list(found) == nodes(3)
    rows = _estimates(subject, "mean", "nodes")
    last = rows[(rows["layer"] == 2) & (rows["component"] == "mlp")]["gradient"]
    assert found[2, "mlp"] == pytest.approx(last.mean(), rel=1e-4)


def test_table(tmp_path):
    subject = _subject()
    means = _means(subject)
    parts = {"edges": [], "heads": [], "exact": []}
    for method in ABLATIONS:
        parts["edges"].append(_estimates(subject, method, "edges"))
        exact = _lost(exact_heads(*asked(subject, method, 1), means, method)[0])
        heads = _estimates(subject, method, "heads").assign(exact=exact)
        parts["heads"].append(heads.assign(integrated_20=exact))
        parts["exact"].append(_edges(subject, method))
    for name, frames in parts.items():
        write_parquet(tmp_path / f"{name}.parquet", pd.concat(frames, ignore_index=True))
    times = dict.fromkeys(STEPS, 2.0)
    taken = {m: {"edges": times, "heads": times | {"exact": 8.0}} for m in ABLATIONS}
    write_json(tmp_path / "seconds.json", taken)
    write_json(tmp_path / "exact_seconds.json", dict.fromkeys(ABLATIONS, 9.0))
    paths = [tmp_path / f"{name}.parquet" for name in ("edges", "heads")]
    files = table.AttributionFiles(
        *("m", *paths, tmp_path / "seconds.json"),
        *(tmp_path / "exact.parquet", tmp_path / "exact_seconds.json"),
    )
    made = table.make([files], seed=1)
    assert list(made.rows) == table.COLUMNS
    assert len(made.rows) == 2 * 2 * 4 * 2
    heads = made.rows.query("unit == 'heads' and steps == 20")
    assert heads["value"].tolist() == pytest.approx([1] * 4)
    edges = made.rows.query("unit == 'edges' and measure == 'spearman' and steps == 20")
    assert (edges["value"] > 0.2).all()
    assert set(made.rows["n"]) == {11}
    assert set(edges["exact_seconds"]) == {9}
    assert set(heads["exact_seconds"]) == {8}
    assert set(made.rows["seconds"]) == {2}
    assert len(made.shown) == 16
    assert list(made.shown["steps"].unique()) == [0, 1, 5, 20]
