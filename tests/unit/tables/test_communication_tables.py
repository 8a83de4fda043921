"""Tables of who triggers whom, of shared heads and of late cosines."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import synthetic_results as synthetic
import synthetic_tables

from genir.base.names import COMPONENTS
from genir.figures.communication import draw
from genir.tables import communication, late_cosines, top_heads

FAILED = synthetic.QUERIES - synthetic.CORRECT
HEADS = 2


def one(frame, **wanted):
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def queries():
    return synthetic.clean_ranks()[["query_id", "doc_id"]]


@pytest.fixture
def files(tmp_path):
    synthetic.clean_ranks().to_parquet(tmp_path / "clean.parquet")
    synthetic.write_stages(tmp_path)
    return {
        name: {"full": tmp_path / file}
        for name, file in (
            ("files", "frame.parquet"),
            ("clean", "clean.parquet"),
            ("stages", "stages.json"),
        )
    }


def write(files, frame):
    frame.to_parquet(files["files"]["full"])


def shares():
    """Four layers in stages 0, 1-2, 3. An MLP hears the embedding and the MLPs before it alike; a
    cross-attention hears layer 0's self-attention alone, for failed queries the embedding."""
    correct = np.arange(synthetic.QUERIES) < synthetic.CORRECT
    heard = {("self_attention", 0): 1.0 * correct, ("embedding", -1): 1.0 * ~correct}
    parts = []
    for layer in range(4):
        earlier = [("embedding", -1), *((c, above) for above in range(layer) for c in COMPONENTS)]
        for source in [*earlier, ("self_attention", layer)]:
            parts.append(("cross_attention", layer, *source, heard.get(source, 0.0)))
        for source in [*earlier, ("self_attention", layer), ("cross_attention", layer)]:
            alike = source[0] in ("embedding", "mlp")
            parts.append(("mlp", layer, *source, alike / (layer + 1)))
    names = "target target_layer source source_layer share".split()
    tables = [queries().assign(**dict(zip(names, part, strict=True))) for part in parts]
    return pd.concat(tables, ignore_index=True).astype({"share": "float32"})


def test_shares_are_summed_over_source_layers_and_averaged_over_target_layers(files):
    write(files, shares())
    table = communication.make(**files, seed=1).rows
    assert list(table.columns) == communication.COLUMNS

    def value(target, stage, source, source_stage, view="correct"):
        names = {"target": target, "target_stage": stage, "queries": view}
        return one(table, **names, source=source, source_stage=source_stage)["value"]

    second = (1 / 2 + 1 / 3) / 2
    assert value("mlp", "II", "embedding", "all") == pytest.approx(second)
    assert value("mlp", "II", "mlp", "I") == pytest.approx(second)
    assert value("mlp", "II", "mlp", "II") == pytest.approx(1 / 6)
    assert value("mlp", "II", "mlp", "all") == pytest.approx(second + 1 / 6)
    assert value("mlp", "III", "mlp", "II") == pytest.approx(1 / 2)
    assert value("cross_attention", "III", "self_attention", "I") == 1
    assert value("cross_attention", "III", "embedding", "all") == 0
    assert value("cross_attention", "III", "embedding", "all", "failed") == 1
    assert (
        one(table, target="mlp", target_stage="III", source="embedding", queries="failed")["n"]
        == FAILED
    )
    assert (table["stages"] == "imposed").all()
    assert (table["low"] <= table["value"] + 1e-9).all()
    assert (table["value"] <= table["high"] + 1e-9).all()


def test_shares_of_a_target_sum_to_one(files):
    write(files, shares())
    table = communication.make(**files, seed=1).rows
    names = ["model", "queries", "target", "target_stage"]
    single = (table["source_stage"] != "all") | (table["source"] == "embedding")
    assert table[single].groupby(names)["value"].sum().to_numpy() == pytest.approx(1)
    whole = table[table["source_stage"] == "all"]
    assert whole.groupby(names)["value"].sum().to_numpy() == pytest.approx(1)
    columns = list(communication.shown(table))
    assert columns[6:9] == ["embedding", "self_attention I", "self_attention II"]
    assert columns[-1] == "mlp all"


def test_a_layer_that_nothing_pushes_is_left_out_of_the_mean():
    frame = shares()
    silent = (frame["target"] == "mlp") & (frame["target_layer"] == 2)
    frame.loc[silent & (frame["query_id"] == "q03"), "share"] = np.nan
    frame.loc[(frame["target_layer"] == 3) & (frame["query_id"] == "q04"), "share"] = np.nan
    long = communication.stage_shares(frame, synthetic.LAYERS)
    own = long[(long["query_id"] == "q03") & (long["target"] == "mlp")]
    second = own[own["target_stage"] == "II"].set_index(["source", "source_stage"])["share"]
    assert second["embedding", "all"] == pytest.approx(1 / 2)
    assert second["mlp", "II"] == 0
    assert set(long.loc[long["query_id"] == "q04", "target_stage"]) == {"I", "II"}


def heads():
    """Head 0 of every attention counts for every query, head 1 of cross-attention for the first
    query, head 1 of self-attention for none."""
    parts = []
    for layer, component, head in product(range(4), COMPONENTS[:2], range(HEADS)):
        first = queries()["query_id"] == "q00"
        counts = (head == 0) | (first & (component == "cross_attention"))
        names = {"layer": layer, "component": component, "head": head}
        parts.append(queries().assign(**names, counts=counts, neurons=3))
    return pd.concat(parts, ignore_index=True)


def test_heads_that_count_always_and_ever(files):
    write(files, heads())
    table = top_heads.make(**files).rows
    assert list(table.columns) == top_heads.COLUMNS

    def row(component, stage, measure, view="correct"):
        names = {"component": component, "stage": stage, "measure": measure}
        return one(table, queries=view, **names)

    for stage, n in (("I", 2), ("II", 4), ("III", 2), ("all", 8)):
        always = row("cross_attention", stage, "percent_always")
        assert (always["value"], always["n"]) == (50, n)
        assert 0 < always["low"] < 50 < always["high"] < 100
        assert row("cross_attention", stage, "percent_ever")["value"] == 100
        assert row("self_attention", stage, "percent_ever")["value"] == 50
        assert row("cross_attention", stage, "percent_ever", "failed")["value"] == 50
    assert "% for every query" in top_heads.shown(table)


def test_late_cosines(files):
    places = product((1, 2), COMPONENTS, (0, -1))
    names = ["layer", "component", "with_layer"]
    cosine = np.where(np.arange(24) < synthetic.CORRECT, -0.85, 0.25)
    parts = [
        queries().assign(
            **dict(zip(names, place, strict=True)), cosine=cosine * (1 + place[2]) - 0.1
        )
        for place in places
    ]
    write(files, pd.concat(parts, ignore_index=True))
    table = late_cosines.make(**files, seed=1).rows
    assert list(table.columns) == late_cosines.COLUMNS
    place = {"layer": 2, "component": "mlp", "with_layer": "0"}
    assert one(table, queries="correct", **place)["value"] == pytest.approx(-0.95)
    assert one(table, queries="failed", **place)["value"] == pytest.approx(0.15)
    assert one(table, queries="all", **place | {"with_layer": "sum"})["value"] == pytest.approx(
        -0.1
    )
    assert {"with the MLP of layer 0", "with their sum"} <= set(late_cosines.shown(table))


def test_bars_are_stacked_to_the_whole():
    table = synthetic_tables.communication()
    axes = draw(table[table["model"] == "full"]).axes[0]
    tops = {round(bar.get_x() + bar.get_width() / 2): 0.0 for bar in axes.patches}
    for bar in axes.patches:
        place = round(bar.get_x() + bar.get_width() / 2)
        tops[place] = max(tops[place], bar.get_y() + bar.get_height())
    assert list(tops.values()) == pytest.approx([100, 100, 100])
    assert "n = 30, stages imposed" in axes.get_title()
