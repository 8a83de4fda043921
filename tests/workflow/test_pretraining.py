"""A pre-training on text of one's own, as small as it gets: its snapshots, a start, what reruns."""

import json
import re

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY

from genir.models.load import load_model

TINY = REPOSITORY / "config/tiny.yaml"
TEXT = (REPOSITORY / "CHANGELOG.md").read_text().splitlines()
SHAPE = {"d_model": 16, "d_ff": 32, "d_kv": 8, "num_heads": 2, "num_layers": 1}
TRAINING = {"steps": 6, "batch_size": 4, "warmup_steps": 2, "checkpoint_every": 2}
OWN = {"path": "text.jsonl", "licence": "ours", "characters": 100_000}
PRETRAINING = {
    "sources": [OWN],
    "vocabulary": 200,
    "shape": SHAPE | {"num_decoder_layers": 3},
    "training": TRAINING,
    "snapshots": [0, 4],
}
EARLY = {"dataset": "hpo-2k", "start": {"type": "pretraining", "step": 4}}
MADE = {"pretraining_text", "tokenizer", "pretrain", "pretrain_snapshot", "model_card"}


def _asked(snakemake, folder, changed, *arguments):
    overlay = folder / "changed.yaml"
    pretraining = PRETRAINING | changed.pop("pretraining", {})
    overlay.write_text(yaml.safe_dump({"pretraining": pretraining} | changed))
    return snakemake(folder, *arguments, "--configfile", TINY, overlay, "--", "mini_t5")


@pytest.fixture(scope="module")
def pretrained(snakemake, tmp_path_factory):
    """A folder with the results of that pre-training."""
    folder = tmp_path_factory.mktemp("pretraining")
    lines = (json.dumps({"text": line}) + "\n" for line in TEXT)
    (folder / "text.jsonl").write_text("".join(lines))
    done = _asked(snakemake, folder, {})
    assert done.returncode == 0, done.stdout[-6000:]
    return folder


def _reruns(snakemake, folder, **changed):
    """Rules that a dry run would run, mini_t5 aside, by how often."""
    done = _asked(snakemake, folder, changed, "-n")
    assert done.returncode == 0, done.stdout[-3000:]
    stats = done.stdout.partition("Job stats:")[2].partition("total")[0]
    found = dict(re.findall(r"(?m)^(\w+) +(\d+)$", stats))
    return {rule: int(count) for rule, count in found.items() if rule != "mini_t5"}


def test_snapshots_are_models_with_their_losses(pretrained):
    results = pretrained / "results/pretrain"
    weights = [load_model(results / f).shared.weight for f in ("step-0/model", "step-4/model")]
    assert not weights[0].equal(weights[1])
    assert pd.read_csv(results / "step-4/curve.csv")["step"].tolist() == [1, 2, 3, 4]
    whole = pd.read_csv(results / "curve.csv")
    assert whole["step"].tolist() == [1, 2, 3, 4, 5, 6]
    assert not list((pretrained / "results/checkpoints").rglob("*.pt"))


def test_the_model_card_names_text_of_one_s_own(pretrained):
    card = (pretrained / "results/model_card/README.md").read_text()
    assert "| text.jsonl | ours |" in card
    assert "CC BY-SA" in card
    assert str(pretrained) not in card


def test_what_is_done_again_after_a_change(snakemake, pretrained):
    again = {"pretrain": 1, "pretrain_snapshot": 2, "model_card": 1}
    training = {"pretraining": {"training": TRAINING | {"steps": 7}}}
    folder = {"type": "folder", "path": str(REPOSITORY / "resources/mini-t5")}
    rows = [
        ({}, {}),
        ({"pretraining": {"snapshots": [0]}}, {}),
        ({"pretraining": {"snapshots": [0, 2, 4]}}, {"pretrain_snapshot": 1}),
        ({"models": {"early": EARLY}}, {}),
        (training, again),
        ({"pretraining": {"start": folder}}, again),
        ({"pretraining": {"vocabulary": 199}}, again | {"tokenizer": 1}),
    ]
    for changed, expected in rows:
        assert _reruns(snakemake, pretrained, **changed) == expected, changed


def test_a_snapshot_asked_for_later_is_made_without_the_rest(snakemake, pretrained):
    model = pretrained / "results/pretrain/model/model.safetensors"
    before = model.stat().st_mtime_ns
    done = _asked(snakemake, pretrained, {"pretraining": {"snapshots": [0, 3, 4]}})
    assert done.returncode == 0, done.stdout[-3000:]
    assert model.stat().st_mtime_ns == before
    log = (pretrained / "results/logs/pretrain_snapshot/3.log").read_text()
    assert "step 3 was not kept by the pre-training" in log
    assert pd.read_csv(pretrained / "results/pretrain/step-3/curve.csv")["step"].iloc[-1] == 3


def test_a_model_starts_from_a_snapshot(snakemake, pretrained):
    done = snakemake(
        *(pretrained, "-n", "--configfile", TINY, _overlay(pretrained), "--"),
        *("results/finetune/early/model", "figures"),
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "pretrain_snapshot" not in done.stdout
    assert "partial_swap_early" in done.stdout


def _overlay(folder):
    overlay = folder / "early.yaml"
    overlay.write_text(yaml.safe_dump({"pretraining": PRETRAINING, "models": {"early": EARLY}}))
    return overlay


def test_text_that_changed_is_read_again(snakemake, pretrained):
    with (pretrained / "text.jsonl").open("a") as text:
        text.write(json.dumps({"text": "a text of more than forty characters that is new"}) + "\n")
    assert _reruns(snakemake, pretrained).keys() == MADE
