"""What entries of a configuration mean: settings of a model, its copies, its place in the study."""

import copy
from typing import Any

import pytest
from configurations import shipped_config

from genir.run.config import values


@pytest.fixture
def default() -> dict[str, Any]:
    return shipped_config()


def test_a_model_overrides_finetuning_key_by_key(default: dict[str, Any]) -> None:
    default["models"]["full"]["finetuning"] = {"steps": 5}
    assert values.finetuning(default, "full") == default["finetuning"] | {"steps": 5}
    assert values.finetuning(default, "random_start") == default["finetuning"]


def test_every_further_seed_is_a_model_of_its_own(default: dict[str, Any]) -> None:
    default["models"]["full"] |= {"seeds": [1, 7, 3], "study_dataset": "NQ10k"}
    before = copy.deepcopy(default["models"])
    models = values.expand_seeds(default["models"])
    assert default["models"] == before
    assert list(models) == ["full", "full-seed7", "full-seed3", "random_start"]
    assert models["full"] == before["full"]
    kept = {key: before["full"][key] for key in ("dataset", "start")}
    assert models["full-seed7"] == kept | {"finetuning": {"seed": 7}}
    settings = values.finetuning(default | {"models": models}, "full-seed3")
    assert settings == default["finetuning"] | {"seed": 3}


def test_a_copy_keeps_how_its_model_is_trained(default: dict[str, Any]) -> None:
    default["models"]["full"] |= {"seeds": [4, 5], "finetuning": {"seed": 4, "steps": 9}}
    copies = values.expand_seeds(default["models"])
    assert copies["full-seed5"]["finetuning"] == {"seed": 5, "steps": 9}
    assert copies["full"]["finetuning"] == {"seed": 4, "steps": 9}


def test_the_headline_model_stands_beside_nq10k_unless_another_does(
    default: dict[str, Any],
) -> None:
    models = default["models"]
    assert values.study_models(default) == {"NQ10k": "full"}
    models["random_start"]["study_dataset"] = "NQ100k"
    assert values.study_models(default) == {"NQ10k": "full", "NQ100k": "random_start"}
    models["random_start"]["study_dataset"] = "NQ10k"
    assert values.study_models(default) == {"NQ10k": "random_start"}
    del models["random_start"]["study_dataset"]
    models["full"]["study_dataset"] = "Trivia-QA"
    assert values.study_models(default) == {"Trivia-QA": "full"}


def test_what_a_file_empties_is_left_out_of_a_series_too() -> None:
    models = {"one": {"dataset": "d"}, "two": None}
    series = {"a": {"models": {"one": 1, "two": None}}, "b": None, "c": 5}
    config = {"models": models, "series": series}
    values.drop_empty(config)
    assert config["models"] == {"one": {"dataset": "d"}}
    assert config["series"] == {"a": {"models": {"one": 1}}, "c": 5}
    for odd in (None, [], {"series": None}, {"series": 3}):
        values.drop_empty(dict(odd or {}))
