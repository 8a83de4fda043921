import json

import numpy as np
import pandas as pd
import pytest
import stages as script
from planted import LEVELS, planted

from genir.analyses.stages import leads, mean_ratios, stages_record
from genir.base.default_stages import default_stages
from genir.base.errors import AnalysisError
from genir.base.names import COMPONENTS


def contribution_table(ratios, query_ids):
    return pd.DataFrame(
        [
            {
                "query_id": query,
                "doc_id": f"d{query}",
                "layer": layer,
                "component": name,
                "ratio": ratio + shift,
            }
            for shift, query in zip((-0.05, 0.05, 9.0), query_ids, strict=False)
            for layer, row in enumerate(ratios)
            for name, ratio in zip(COMPONENTS, row, strict=True)
        ]
    )


def test_mean_ratios_are_those_of_the_chosen_queries():
    table = contribution_table(LEVELS, ["q1", "q2", "q3"])
    assert mean_ratios(table, pd.Series(["q1", "q2"])) == pytest.approx(LEVELS)


def test_no_correct_query_is_refused():
    with pytest.raises(AnalysisError, match="no correct query"):
        mean_ratios(contribution_table(LEVELS, ["q1", "q2", "q3"]), pd.Series([], dtype=str))


@pytest.mark.parametrize(
    ("configured", "status"),
    [
        (None, "supported"),
        ({"I": [0, 1], "II": [2, 5], "III": [6, 7]}, "supported"),
        ({"I": [0, 0], "II": [1, 5], "III": [6, 7]}, "imposed"),
    ],
)
def test_script(tmp_path, configured, status):
    table = contribution_table(planted(2, 4, 2), ["q1", "q2", "q3"])
    table.to_parquet(tmp_path / "contributions.parquet")
    (tmp_path / "correct.csv").write_text("query_id,doc_id\nq1,d1\nq2,d2\n")
    paths = (tmp_path / "contributions.parquet", tmp_path / "correct.csv")
    script.main(*paths, 1, tmp_path / "stages.json", configured)
    result = json.loads((tmp_path / "stages.json").read_text())
    assert set(result) == {"detected", "used", "status", "n", "mean_ratio"}
    assert (result["status"], result["n"]) == (status, 2)
    assert result["used"] == (configured or default_stages(8))
    assert result["detected"]["segments"] == [[0, 1], [2, 5], [6, 7]]
    written = np.array([result["mean_ratio"][name] for name in COMPONENTS]).T
    assert written == pytest.approx(planted(2, 4, 2))
    lead = result["detected"]["leads"][0]
    assert (lead["component"], lead["over"], lead["n"]) == ("mlp", "cross_attention", 2)
    assert lead["value"] == pytest.approx(LEVELS[0, 2] - LEVELS[0, 1])
    assert result["detected"]["supported"] is True


def test_a_lead_within_its_interval_supports_nothing():
    ratios, queries = planted(2, 4, 2), [f"q{number}" for number in range(20)]
    tables = [contribution_table(ratios, [query]).assign(query_id=query) for query in queries]
    frame = pd.concat(tables, ignore_index=True)
    random = np.random.default_rng(0)
    unsure = (frame["component"] == "mlp") & (frame["layer"] >= 6)
    swings = dict(zip(queries, random.normal(0, 2, len(queries)), strict=True))
    swing = frame["query_id"].map(swings) - np.mean(list(swings.values()))
    frame.loc[unsure, "ratio"] += swing[unsure]
    ids = pd.Series(queries)
    record = stages_record(frame, ids, {"I": [0, 1], "II": [2, 5], "III": [6, 7]}, seed=1)
    first, _, third = record["detected"]["leads"]
    assert first["low"] > 0 > third["low"]
    assert (record["detected"]["supported"], record["status"]) == (False, "imposed")


def test_one_document_gives_a_lead_without_bounds():
    frame = contribution_table(planted(2, 4, 2), ["q1"])
    (lead,) = leads(frame, pd.Series(["q1"]), [[0, 1]], seed=1)
    assert (lead["low"], lead["high"], lead["n"]) == (None, None, 1)
