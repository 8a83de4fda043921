import json
from dataclasses import replace

import pandas as pd
import pytest
import synthetic_results as synthetic
import synthetic_tables

from genir.base.errors import AnalysisError
from genir.files.io import write_json
from genir.tables.summary import Tables, retrieval_results, summary

INTERVAL = ["value", "low", "high", "n"]


@pytest.fixture
def arguments(tmp_path):
    names = ("retrieval", "encoder_swap", "patching_by_stage", "circuit")
    for name in names:
        table = getattr(synthetic_tables, name)()
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    correct = synthetic.write_correct(tmp_path)
    stages = synthetic.write_stages(tmp_path)
    return {
        "headline": "full",
        "tables": Tables(**{name: tmp_path / f"{name}.csv" for name in names}),
        "correct": dict.fromkeys(synthetic_tables.MODELS, correct),
        "stages": dict.fromkeys(synthetic_tables.MODELS, stages),
        "manifest": synthetic.write_manifest(tmp_path),
    }


def test_keys(arguments):
    result = summary(**arguments)
    assert list(result["retrieval"]) == ["full", "random_start", "bm25_text", "bm25_text_queries"]
    assert list(result["retrieval"]["full"]) == ["valid", "test"]
    expected = {"value": 0.6, "low": 0.5, "high": 0.7, "n": 50}
    assert result["retrieval"]["bm25_text"]["test"]["ndcg_at_10"] == expected
    assert result["correct_queries"] == {"full": 16, "random_start": 16}
    assert result["stages"]["full"] == {"used": synthetic.LAYERS, "status": "imposed"}
    facts = {"corpus": "hpo", "release": "2025-01-16", "dataset": "terms", "split": "query"}
    assert result["corpus"] == facts


def test_the_headline_model_stands_at_the_top_level(arguments):
    result = summary(**arguments)
    for analysis in ("encoder_swap", "patching_by_stage", "circuit"):
        assert result[analysis] == result["models"]["full"][analysis]
    assert list(result["encoder_swap"]["rd"]["control"]["hits_at_1"]) == INTERVAL
    assert list(result["encoder_swap"]["rd1"]) == ["removed", "control", "correct"]
    assert list(result["patching_by_stage"]["pretrained"]["mlp"]["III"]) == INTERVAL
    assert "pretrained" not in result["models"]["random_start"]["patching_by_stage"]


def test_values_are_those_of_the_table(arguments):
    table = synthetic_tables.patching_by_stage()
    chosen = (table["model"] == "random_start") & (table["method"] == "mean")
    row = table[chosen & (table["stage"] == "II") & (table["component"] == "mlp")].iloc[0]
    models = summary(**arguments)["models"]
    assert models["random_start"]["patching_by_stage"]["mean"]["mlp"]["II"]["value"] == (
        pytest.approx(row["broken_percent"])
    )


def test_circuits_by_variant_and_split(arguments):
    result = summary(**arguments)
    assert result["circuit"] == result["models"]["full"]["circuit"]
    study = result["circuit"]["study"]
    assert list(study) == ["test", "valid", "active", "components"]
    assert (study["active"], study["components"]) == (8, 24)
    assert list(study["test"]["hits_at_1"]["relative"]) == INTERVAL
    assert list(result["circuit"]["full"]["valid"]["recall_at_5"]) == ["absolute"]
    assert "pretrained" not in result["models"]["random_start"]["circuit"]


def test_missing_numbers_become_null(arguments, tmp_path):
    rows = [synthetic.retrieval_rows(model) for model in ("full", "random_start")]
    table = pd.concat(rows).assign(low=float("nan"))
    arguments["tables"] = Tables(tmp_path / "holes.csv")
    table.to_csv(arguments["tables"].retrieval, index=False)
    result = summary(**arguments)
    write_json(tmp_path / "summary.json", result)
    read = json.loads((tmp_path / "summary.json").read_text())
    assert read["retrieval"]["full"]["test"]["hits_at_1"]["low"] is None
    assert read["encoder_swap"] == {}


def test_baselines_of_other_datasets_stay_out():
    frames = [synthetic.retrieval_rows("bm25_text", dataset) for dataset in ("terms", "codes")]
    frames[1]["value"] = 0.9
    rows = pd.concat(frames)
    assert retrieval_results(rows, [], "terms")["bm25_text"]["test"]["hits_at_1"]["value"] == 0.6
    assert retrieval_results(rows, [], "other") == {}


def test_a_table_without_one_of_the_models(arguments, tmp_path):
    synthetic.retrieval_rows("full").to_csv(tmp_path / "short.csv", index=False)
    arguments["tables"] = Tables(tmp_path / "short.csv")
    with pytest.raises(AnalysisError, match="lacks 'random_start', 1 of 2 that are asked for"):
        summary(**arguments)


def test_unknown_headline_model(arguments):
    with pytest.raises(AnalysisError, match="write one of \\['full', 'random_start'\\]"):
        summary(**(arguments | {"headline": "best"}))


def test_claims_of_the_headline_model(arguments, tmp_path):
    tested = {"claim": "decoder_retrieves", "rule": "below 0.25", "verdict": "undecided"}
    tested |= {"value": 0.2, "low": 0.1, "high": 0.3, "n": 40, "p": 0.01, "reason": "a, b"}
    tested |= {"stages": "imposed"}
    empty = {"claim": "mlps_write_ranking", "rule": "above 0", "verdict": "not testable"}
    empty |= {"stages": ""}
    of_full = [tested | {"model": "full"}, empty | {"model": "full"}]
    rows = pd.DataFrame([*of_full, empty | {"model": "random_start"}])
    rows.to_csv(tmp_path / "claims.csv", index=False)
    arguments["tables"] = replace(arguments["tables"], claims=tmp_path / "claims.csv")
    result = summary(**arguments)
    assert result["claims"] == result["models"]["full"]["claims"]
    assert result["claims"]["decoder_retrieves"] == {
        k: v for k, v in tested.items() if k != "claim"
    }
    numbers = {"value": None, "low": None, "high": None, "n": None, "p": None}
    assert result["claims"]["mlps_write_ranking"] == numbers | {
        "rule": "above 0",
        "verdict": "not testable",
        "reason": "",
        "stages": None,
    }
    assert list(result["models"]["random_start"]["claims"]) == ["mlps_write_ranking"]
    write_json(tmp_path / "summary.json", result)
