import circuit_scores as script
import numpy as np
import pandas as pd
import pytest
import yaml
from configurations import SCHEMA
from jsonschema import Draft202012Validator
from mib_graph import Graph
from small_subjects import small_subject

from genir.analyses.patch_edge import edge_names
from genir.base.errors import AnalysisError
from genir.base.names import ABLATIONS, COMPONENTS
from genir.files.io import read_json, write_parquet
from genir.tables.circuit_scores import circuit_scores, edge, node

LAYERS, EDGES = 3, 55
PLACES = ["source", "source_layer", "reader", "reader_layer"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Without edge i a query loses i logits, another one 3 i; of donors they gain as many."""
    folder = tmp_path_factory.mktemp("scores")
    subject = small_subject(layers=LAYERS)
    subject.plain.config.save_pretrained(folder / "model")
    edges, numbers = edge_names(subject), np.arange(EDGES)
    parts = [
        edges.assign(query_id=query, method=method, unmodified=9.0, difference=9.0 - lost)
        for method, sign in zip(ABLATIONS, (1, -1), strict=True)
        for query, lost in (("q0", sign * numbers), ("q1", 3 * sign * numbers))
    ]
    alone = edges.assign(query_id="q2", method="mean", unmodified=np.nan, difference=np.nan)
    write_parquet(folder / "edges.parquet", pd.concat([*parts, alone], ignore_index=True))
    places = [(layer, component) for layer in range(LAYERS) for component in COMPONENTS]
    orders = pd.DataFrame(places, columns=["layer", "component"])
    parts = [orders.assign(order=m, effect=np.arange(9) + 0.5) for m in (*ABLATIONS, "zero")]
    orders = pd.concat([*parts, orders.assign(order="study", effect=np.nan)])
    write_parquet(folder / "orders.parquet", orders)
    return folder / "model", folder / "edges.parquet", folder / "orders.parquet"


@pytest.fixture(scope="module")
def scores(files):
    return circuit_scores(*files, "mean")


def test_it_is_what_the_schema_says_for_every_ablation(files, tmp_path):
    schema = yaml.safe_load(SCHEMA.with_name("circuit_scores.schema.yaml").read_text())
    Draft202012Validator.check_schema(schema)
    script.main(*files, tmp_path)
    for ablation in ABLATIONS:
        content = read_json(tmp_path / f"{ablation}.json")
        Draft202012Validator(schema).validate(content)
        assert content["genir"]["ablation"] == ablation
        assert not Draft202012Validator(schema).is_valid(content | {"edges": {"a0->m0": 1}})


def test_a_reader_of_mib_finds_every_node_and_edge_it_knows(scores):
    read = Graph.read(scores)
    assert list(scores["nodes"]) == list(read.nodes)
    assert set(scores["edges"]) == set(read.edges)
    assert all(value is not None for value in read.edges.values())
    assert [name for name, value in read.nodes.items() if value is None] == ["logits"]


def test_a_name_that_its_graph_has_not_is_refused(scores):
    with pytest.raises(KeyError, match="m6"):
        Graph.read(scores | {"nodes": {"m6": {"in_graph": True, "score": 0.0}}})


def test_scores_by_hand(files, scores):
    edges = pd.read_parquet(files[1]).query("query_id == 'q0' and method == 'mean'")
    found = {edge(*place): 2.0 * number for number, place in enumerate(edges[PLACES].values)}
    assert len(found) == EDGES
    own = {name: entry for name, entry in scores["edges"].items() if entry["in_graph"]}
    assert {name: entry["score"] for name, entry in own.items()} == found
    others = [entry for name, entry in scores["edges"].items() if name not in own]
    assert {entry["score"] for entry in others} == {0.0}
    donors = circuit_scores(*files, "donor_random")["edges"]
    assert donors["input->logits"]["score"] == -scores["edges"]["input->logits"]["score"]
    assert scores["genir"]["edges"] == EDGES
    assert scores["genir"]["edge_queries"] == 2
    assert scores["nodes"]["m5"] == {"score": 8.5, "in_graph": True}
    assert scores["nodes"]["m4"] == {"score": 0.0, "in_graph": False}


def test_components_keep_their_order_in_blocks_of_two(scores):
    assert [node(part, 1) for part in COMPONENTS] == ["a2.h0", "a3.h0", "m3"]
    assert edge("mlp", 0, "self_attention", 1) == "m1->a2.h0<v>"
    assert edge("embedding", -1, "cross_attention", 1) == "input->a3.h0<q>"
    assert edge("cross_attention", 2, "unembedding", -1) == "a5.h0->logits"
    meanings = scores["genir"]["components"]
    inner = [f"layer{layer}.{part}" for layer in range(LAYERS) for part in COMPONENTS]
    assert list(meanings.values()) == ["embedding", *inner, "unembedding"]
    own = [name for name, entry in scores["nodes"].items() if entry["in_graph"]]
    assert list(meanings) == own
    assert scores["cfg"]["n_layers"] == 2 * LAYERS


def test_without_another_document_there_is_nothing_to_score(files, tmp_path):
    table = pd.read_parquet(files[1]).query("query_id == 'q2'")
    write_parquet(tmp_path / "edges.parquet", table)
    with pytest.raises(AnalysisError, match="draw a dataset of more documents"):
        circuit_scores(files[0], tmp_path / "edges.parquet", files[2], "mean")
