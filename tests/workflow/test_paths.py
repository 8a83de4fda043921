"""Paths as people have them: no wildcard to Snakemake, and one word to the shell."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY

ODD = 'it\'s $HOME {v1} é a&b;touch made * #%20 "q"'
SETTINGS = {"steps": 3, "warmup_steps": 1, "batch_size": 6, "document_tokens": 8}
TABLE = "results/table_direct_contribution/direct_contribution.csv"
MADE = [
    *(f"results/import_model/mine/model/{name}" for name in ("model.safetensors", "config.json")),
    "results/encoder_swap/mine/pretrained.parquet",
    "results/generate_queries/given/mine.parquet",
    TABLE,
    "results/figure_direct_contribution/direct_contribution.svg",
]

TARGETS = ["results/import_model/mine/model", *MADE[2:]]


def _run(repository, workdir, config, *targets, options=()):
    (workdir / "mine.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(workdir)]
    done = subprocess.run(
        [*command, "--configfile", str(workdir / "mine.yaml"), *options, "--", *targets],
        cwd=repository,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def _inputs(folder, start):
    """Twelve documents, their queries, and generated ones."""
    folder.mkdir(parents=True)
    documents = [{"doc_id": f"d{i}", "title": "", "text": f"Text {i}."} for i in range(12)]
    queries = [
        {"query_id": f"q{i}", "text": f"query {i}", "doc_id": f"d{i % 12}"} for i in range(36)
    ]
    generated = [{"doc_id": f"d{i}", "text": f"number {i}"} for i in range(12)]
    records = {"documents": documents, "queries": queries, "generated": generated}
    for name, entries in records.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, entries)))
    shutil.copytree(start, folder / "t5")


def _config(folder, model):
    dataset = {"corpus": "mine", "documents": 12, "minimum_queries": 2, "below_minimum": "drop"}
    dataset |= {"split": "query", "validation_queries": 3, "test_queries": 3, "seed": 1}
    files = {key: f"{folder}/{key}.jsonl" for key in ("documents", "queries")}
    return {
        "headline_model": "mine",
        "corpora": {"mine": {"source": "files"} | files},
        "datasets": {"mine": dataset},
        "query_generators": {"given": {"type": "file", "path": f"{folder}/generated.jsonl"}},
        "models": {"full": None, "random_start": None, "mine": {"dataset": "mine"} | model},
        "finetuning": SETTINGS,
        "trace": {"queries": [f"bone {ODD}"]},
    }


def _trained(repository, workdir, folder):
    """A model that is trained there."""
    start = {"type": "folder", "path": f"{folder}/t5"}
    config = _config(folder, {"start": start, "indexing": "given"})
    _run(repository, workdir, config, "results/finetune/mine/run.json")
    return workdir / "results/finetune/mine/model"


def _analysed(repository, workdir, folder):
    """What is made of the model that lies in `folder`."""
    start = {"type": "folder", "path": f"{folder}/t5"}
    existing = {"folder": f"{folder}/model", "docids": f"{folder}/docids.json", "start": start}
    config = _config(folder, existing)
    _run(repository, workdir, config, *TARGETS, "trace")
    assert "Nothing to be done" in _run(repository, workdir, config, *TARGETS, options=["-n"])


@pytest.fixture(scope="module")
def places(shallow_start, tmp_path_factory):
    """The folders of two runs: one at plain paths, one from a clone at odd ones."""
    plain, odd = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("odd") / ODD
    clone = odd / f"clone {ODD}"
    for part in ("workflow", "envs", "config", "resources"):
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / part, clone / part, ignore=leave)
    work = odd / f"-work {ODD}"
    for folder, name in ((plain, "data"), (work, f"-data {ODD}")):
        _inputs(folder / name, shallow_start)
    model = _trained(REPOSITORY, plain, "data")
    again = _trained(clone, work, f"-data {ODD}")
    for file in ("model.safetensors", "tokenizer.json"):
        assert (again / file).read_bytes() == (model / file).read_bytes()
    for folder, name in ((plain, "data"), (work, f"-data {ODD}")):
        shutil.copytree(model, folder / name / "model")
        (folder / name / "model/docids.json").rename(folder / name / "docids.json")
    _analysed(REPOSITORY, plain, "data")
    _analysed(clone, work, f"-data {ODD}")
    return plain, work, clone


@pytest.mark.parametrize("file", MADE)
def test_odd_paths_make_what_plain_ones_make(places, file):
    plain, odd, _ = places
    if file.endswith(".parquet"):
        pd.testing.assert_frame_equal(pd.read_parquet(plain / file), pd.read_parquet(odd / file))
    elif file.endswith(".svg"):
        assert (odd / file).stat().st_size > 0
    else:
        assert (plain / file).read_bytes() == (odd / file).read_bytes()


def test_no_path_was_a_command(places):
    plain, odd, clone = places
    assert not {"made", "made *"} & {path.name for path in clone.parent.rglob("*")}
    assert {path.name for path in odd.iterdir()} - {f"-data {ODD}"} == {
        path.name for path in plain.iterdir()
    } - {"data"}
    assert {path.name for path in clone.iterdir()} == {"workflow", "envs", "config", "resources"}


def test_what_is_made_does_not_say_where_the_clone_lies(places):
    odd = places[1]
    for file in (odd / "results/finetune/mine/model/provenance.json", odd / TABLE):
        text = file.with_suffix(".provenance.json") if file.suffix == ".csv" else file
        arguments = json.loads(text.read_text())["arguments"]
        assert not any("clone" in argument for argument in arguments), arguments
