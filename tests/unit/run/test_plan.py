import os
import subprocess
import sys
from pathlib import Path

import pytest
from plans import REPOSITORY, plan_of

from genir.run import artifacts, rule_arguments
from genir.run.arguments import Folder
from genir.run.hub import pinned, place
from genir.run.plan import Plan


def test_the_headline_model_comes_first_and_copies_are_models(tmp_path):
    plan = plan_of(tmp_path, models={"full": {"seeds": [1, 5]}})
    assert plan.models == ["full", "full-seed5", "random_start"]
    assert plan.original == ["full", "random_start"]
    assert plan.seeds == {"full": [1, 5]}
    assert plan.finetuning("full-seed5") == plan.finetuning("full") | {"seed": 5}
    assert plan.with_reduced == ["full"]
    assert plan.reduced == [f"full-rd{i}" for i in range(1, len(plan.reduced) + 1)]
    assert {plan.full_name(name) for name in plan.reduced} == {"full"}


def test_donors_are_asked_for_by_methods_and_pairs_are_of_the_headline_s_dataset(tmp_path):
    assert plan_of(tmp_path).with_donors == []
    heads = plan_of(tmp_path, patching={"head_methods": ["zero", "donor_rival", "donor_random"]})
    assert heads.donor_methods("full") == ["donor_random", "donor_rival"]
    assert heads.donor_pairs("full") is None
    jobs = {job.rule: job for job in artifacts.jobs(heads)}
    assert {"donors_full", "donors_random_start"} <= jobs.keys()
    (patched,) = (job for rule, job in jobs.items() if rule.startswith("patch_head_full"))
    donors = [f"results/donors/full/{method}.parquet" for method in heads.donor_methods("full")]
    assert patched.read({})["donors"] == donors == jobs["donors_full"].written
    assert "donors" not in jobs["patch_stage_full"].read({})
    pairs = {"methods": ["mean", "donor_pairs"], "donor_pairs": "pairs.csv"}
    other = {"dataset": "other", "start": {"type": "random", "like": "resources/mini-t5"}}
    entry = plan_of(tmp_path).config["datasets"]["hpo-2k"]
    both = plan_of(tmp_path, patching=pairs, models={"new": other}, datasets={"other": entry})
    assert both.with_donors == ["full", "random_start"]
    assert both.donor_pairs("full") == Path("pairs.csv")
    assert both.methods("new") == ["mean"]


def test_the_configuration_is_left_as_it_was(tmp_path):
    plan = plan_of(tmp_path, models={"full": {"seeds": [1, 5]}})
    again = Plan(plan.config, plan.repository, tmp_path, plan.snapshots)
    assert again.models == plan.models


def test_only_models_with_weights_to_start_from_have_a_pretraining(tmp_path):
    plan = plan_of(tmp_path)
    assert plan.pretrained == ["full"]
    assert plan.pretraining_of("random_start") is None
    assert {"pretrained", "pretrained_own_norm"} <= plan.encoders("full").keys()
    assert not {"pretrained"} & plan.encoders("random_start").keys()
    assert "pretrained" in plan.methods("full")
    assert "pretrained" not in plan.methods("random_start")


def test_a_model_from_the_hub_is_read_where_it_is_fetched_to(tmp_path):
    plan = plan_of(tmp_path, "published")
    for model in plan.imported:
        folder = plan.imported_folder(model)
        assert folder.is_relative_to("results/fetch")
        assert plan.model_files(folder) == Folder(folder, (folder,))
        assert plan.model_folder(model) == Path(f"results/import_model/{model}/model")


def test_a_snapshot_is_a_start_of_its_own_and_changes_no_pretraining(tmp_path):
    start = {"type": "pretraining", "step": 5}
    models = {"early": {"dataset": "hpo-2k", "start": start}}
    plan = plan_of(tmp_path, pretraining={"snapshots": [9, 5]}, models=models)
    assert plan.pretraining_snapshots() == [5, 9]
    assert plan.start_of("early")["path"].path == Path("results/pretrain/step-5/model")
    assert plan.pretraining_key() == plan_of(tmp_path).pretraining_key()
    other = plan_of(tmp_path, pretraining={"snapshots": [9, 5]}, models=models)
    other.config["models"]["early"]["start"] = {"type": "pretraining"}
    assert other.training_key("early") != plan.training_key("early")


def test_a_pretraining_that_goes_on_takes_tokenizer_and_shape_of_its_start(tmp_path):
    told = rule_arguments.pretrain(plan_of(tmp_path))
    assert told.keys() == {"text", "settings", "tokenizer", "shape"}
    start = {"type": "folder", "path": "resources/mini-t5"}
    plan = plan_of(tmp_path, pretraining={"start": start})
    told = rule_arguments.pretrain(plan)
    assert told.keys() == {"text", "settings", "start"}
    assert told["start"]["path"].path == REPOSITORY / "resources/mini-t5"
    assert plan.pretraining_key()["start"] == start
    changed = {"start": start, "vocabulary": 500, "shape": {"d_model": 8}}
    assert plan_of(tmp_path, pretraining=changed).pretraining_key() == plan.pretraining_key()
    assert plan.pretraining_card().keys() == {"start", "training"}
    hub = {"type": "hub", "id": "a/b", "encoder_layers": 2, "decoder_layers": 3}
    plan = plan_of(tmp_path, pretraining={"start": hub})
    assert plan.pretraining_card()["start"] == {"id": "a/b", "revision": "0" * 40}
    assert str(rule_arguments.pretrain(plan)["start"]["path"].path).startswith("results/fetch")


def test_models_may_start_from_several_revisions_of_one_repository(tmp_path):
    plan = plan_of(tmp_path, "emergence_pile_t5")
    lock = {("model", place(s.id, w)): f"{i:040x}" for i, s in enumerate(plan.snapshots)
            for w in (s.wanted, s.tokenizer_wanted)}  # fmt: skip
    plan = Plan(plan.config, REPOSITORY, tmp_path, pinned(plan.snapshots, lock))
    folders = [str(plan.start_of(model)["path"].path) for model in plan.models]
    assert len(set(folders)) == len(plan.models) == 7
    assert all("/model/EleutherAI--pile-t5-large/" in folder for folder in folders)
    assert len({folder.rpartition("-tokenizer-")[2] for folder in folders}) == 2


def test_a_random_start_is_read_without_its_weights(tmp_path):
    plan = plan_of(tmp_path)
    folder = Path(os.path.relpath(REPOSITORY / "resources/mini-t5"))
    plan = Plan(plan.config, folder.parents[1], Path.cwd(), plan.snapshots)
    weights = folder / "model.safetensors"
    assert weights in plan.model_files(folder).files
    assert weights not in plan.start_of("random_start")["path"].files
    assert folder / "config.json" in plan.start_of("random_start")["path"].files


@pytest.mark.parametrize("size", [1, 3, 8, "all"])
def test_the_layers_of_all_jobs_are_the_decoder_s(tmp_path, size):
    plan = plan_of(tmp_path, patching={"layers_per_job": size})
    chunks = plan.layer_chunks("full")
    assert [layer for chunk in chunks for layer in chunk] == list(plan.decoder_layers("full"))
    assert all(len(chunk) == len(chunks[0]) for chunk in chunks[:-1])


def test_a_training_is_another_one_with_another_corpus_or_setting(tmp_path):
    key = plan_of(tmp_path).training_key("full")
    for changes in (
        {"models": {"full": {"finetuning": {"seed": 9}}}},
        {"datasets": {"hpo-2k": {"seed": 9}}},
        {"models": {"full": {"start": {"type": "random", "like": "resources/mini-t5"}}}},
    ):
        assert plan_of(tmp_path, **changes).training_key("full") != key


def test_planning_has_no_effect_and_loads_nothing_heavy(tmp_path):
    modules = "arguments artifacts kinds needs plan results".split()
    program = (
        f"import sys, {', '.join(f'genir.run.{name}' for name in modules)}\n"
        "heavy = {'torch', 'transformers', 'matplotlib', 'seaborn', 'snakemake', 'scipy'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY / "workflow/lib")},
        text=True,
        capture_output=True,
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def _parts(tmp_path, parts, **model):
    models = {"full": model | {"finetuning": {"trainable": parts}}}
    return plan_of(tmp_path, models=models).finetuning("full").get("trainable")


def test_parts_that_are_trained_are_told_as_layers_in_one_order(tmp_path):
    said = ["docids", "decoder.III.mlp", "encoder.1-1", "norms"]
    told = ["decoder.12-15.mlp", "docids", "encoder.1", "norms"]
    assert _parts(tmp_path, said) == _parts(tmp_path, told[::-1]) == told
    stages = {"I": [0, 0], "II": [1, 4], "III": [5, 15]}
    assert _parts(tmp_path, said, stages=stages)[0] == "decoder.5-15.mlp"
    assert _parts(tmp_path, told, stages=stages) == told


def test_all_parts_change_no_training(tmp_path):
    assert _parts(tmp_path, "all") is None
    assert "trainable" not in plan_of(tmp_path).finetuning("random_start")
    key = plan_of(tmp_path).training_key("full")
    assert plan_of(tmp_path, finetuning={"trainable": ["docids"]}).training_key("full") != key


def test_parts_say_nothing_of_a_model_that_is_not_trained(tmp_path):
    plan = plan_of(tmp_path, "published", finetuning={"trainable": ["decoder.IX"]})
    assert all("trainable" not in plan.finetuning(model) for model in plan.imported)


def test_all_training_queries_by_name_are_those_without_the_key(tmp_path):
    key = "queries_per_document"
    plans = [plan_of(tmp_path, datasets={"hpo-2k": {key: n}}) for n in ("all", 2)]
    settings = [plan.dataset_settings("hpo-2k") for plan in plans]
    assert settings[0] == plan_of(tmp_path).dataset_settings("hpo-2k")
    assert settings[1] == settings[0] | {key: 2}
