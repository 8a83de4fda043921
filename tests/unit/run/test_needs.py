import json
import shutil

import pytest
from plans import REPOSITORY, plan_of

from genir.base.errors import ConfigError
from genir.run import costs
from genir.run.needs import ASSUMED_DOCUMENTS, Needs

WHOLE = {"hpo-2k": {"documents": "all"}}


def test_an_analysis_needs_what_the_arithmetic_says_and_no_less_than_declared(tmp_path):
    needs = Needs(plan_of(tmp_path))
    work = needs.workloads["full"]
    assert needs.analysis_memory("full") == costs.analysis_memory_mb(work)
    assert needs.analysis_memory("full-rd1") == needs.analysis_memory("full")
    minutes = costs.analysis_minutes(work, "patch_component")
    assert needs.analysis_minutes("patch_component", "full", 0) == round(minutes)
    assert needs.analysis_minutes("patch_component", "full", 10**6) == 10**6
    half = needs.analysis_minutes("patch_component", "full", 0, work.shape.decoder_layers // 2)
    assert half == round(minutes / 2)


def test_documents_are_counted_bounded_or_read_from_what_is_there(tmp_path):
    plan = plan_of(tmp_path)
    assert Needs(plan).documents["hpo-2k"] == plan.config["datasets"]["hpo-2k"]["documents"]
    bound = Needs(plan_of(tmp_path, datasets=WHOLE)).documents["hpo-2k"]
    assert 10_000 < bound < ASSUMED_DOCUMENTS
    manifest = tmp_path / "results/subset_corpus/hpo-2k/manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"counts": {"documents": 17}}))
    needs = Needs(plan_of(tmp_path, datasets=WHOLE))
    assert needs.documents["hpo-2k"] == 17
    assert needs.corpus_memory("hpo-2k") == 2000


def test_a_hub_model_is_assumed_until_it_is_fetched(tmp_path):
    plan = plan_of(tmp_path, "published")
    (model,) = plan.imported[:1]
    assumed = Needs(plan).workloads[model].shape
    assert assumed.decoder_layers == plan.config["models"][model]["hub"]["decoder_layers"]
    folder = tmp_path / plan.imported_folder(model)
    folder.mkdir(parents=True)
    shutil.copy(REPOSITORY / "resources/mini-t5/config.json", folder)
    with pytest.raises(ConfigError, match="layers is"):
        Needs(plan)


def test_a_pretraining_needs_memory_for_what_it_starts_from(tmp_path):
    needs = Needs(plan_of(tmp_path))
    assert needs.pretraining_memory == 4000
    hub = {"type": "hub", "id": "a/b", "encoder_layers": 24, "decoder_layers": 24}
    own = {"own": {"dataset": "hpo-2k", "start": {"type": "pretraining"}}}
    needs = Needs(plan_of(tmp_path, pretraining={"start": hub}, models=own))
    assert needs.pretraining_memory > 8000
    assert needs.workloads["own"].shape.d_model == 1024


def test_only_what_is_trained_has_a_training(tmp_path):
    plan = plan_of(tmp_path, "published")
    needs = Needs(plan)
    assert all(needs.workloads[name].training == {} for name in plan.imported)
    needs = Needs(plan_of(tmp_path))
    assert needs.training_memory("full") == costs.training_memory_mb(needs.workloads["full"])
    assert needs.training_minutes("full", 10**6) == 10**6
