import math

import pandas as pd
import pytest

from genir.files.csv_text import read
from genir.files.io import write_csv, write_parquet
from genir.tables import drift


@pytest.fixture
def table(tmp_path):
    names = "stack layer component matrix weights start_norm change_norm drift".split()
    rows = [
        ("words", -1, "embedding", "shared", 60, 10.0, 1.0, 0.1),
        ("encoder", 0, "self_attention", "q", 4, 3.0, 0.0, 0.0),
        ("encoder", 0, "self_attention", "o", 4, 4.0, 1.0, 0.25),
        ("encoder", 0, "norms", "self_attention.layer_norm", 2, 0.0, 1.0, math.nan),
        ("encoder", -1, "final_norm", "final_layer_norm", 2, 2.0, 1.0, 0.5),
        ("decoder", 0, "mlp", "wi", 8, 2.0, 3.0, 1.5),
        ("decoder", 1, "mlp", "wi", 8, 2.0, 1.0, 0.5),
    ]
    files = {}
    for model, start in (("full", "pretrained"), ("random_start", "random")):
        files[model] = tmp_path / f"{model}.parquet"
        write_parquet(files[model], pd.DataFrame(rows, columns=names).assign(start=start))
    return drift.make(files)


def test_matrices_of_a_component_are_taken_together(table):
    rows = table.rows.set_index(["model", "stack", "component"]).sort_index()
    (attention,) = rows.loc[[("full", "encoder", "self_attention")]].to_dict("records")
    assert (attention["value"], attention["n"]) == (pytest.approx(1 / 5), 8)
    assert rows.loc[[("full", "decoder", "mlp")], "value"].tolist() == [1.5, 0.5]
    assert rows.loc[[("full", "encoder", "norms")], "value"].isna().tolist() == [True]
    assert list(table.rows.columns) == drift.COLUMNS
    assert table.rows.groupby("model")["start"].unique().map(list).to_dict() == {
        "full": ["pretrained"],
        "random_start": ["random"],
    }


def test_the_page_has_a_line_for_each_layer(table):
    assert table.shown["stack"].tolist()[:5] == [
        "words",
        "encoder",
        "encoder",
        "decoder",
        "decoder",
    ]
    assert len(table.shown) == 10
    assert table.shown["mlp"].tolist()[3:5] == [1.5, 0.5]
    assert "no interval" in table.note


def test_the_csv_keeps_layers_and_their_absence(table, tmp_path):
    write_csv(tmp_path / "drift.csv", table.rows)
    again = read(tmp_path / "drift.csv")
    assert again["layer"].isna().sum() == 4
    assert again["value"].equals(table.rows["value"])
