"""Everything from outside comes by `snakemake fetch`, and nothing afterwards."""

import io
import json
import os
import subprocess
import sys
import tarfile
import urllib.request

import pytest
import refusing_proxy
import yaml
from conftest import REPOSITORY

DATASET = {"corpus": "mine", "documents": "all", "minimum_queries": 1, "below_minimum": "keep"}
DATASET |= {"split": "query", "validation_queries": 1, "test_queries": 1, "seed": 1}
# Vaswani's collection in its own format, with three documents.
COLLECTION = {
    "doc-text": "1\nradio waves\n   /\n2\nvalves\nand tubes\n   /\n3\naerials\n   /\n",
    "query-text": "1\nWAVES\n/\n2\nTUBES\n/\n",
    "rlv-ass": "1\n1 3\n   /\n2\n2\n   /\n",
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "mine.yaml"
    corpora = {"mine": {"source": "ir_datasets", "id": "vaswani"}}
    path.write_text(yaml.safe_dump({"corpora": corpora, "datasets": {"mine": DATASET}}))
    return path


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Where ir-datasets keeps the archive that it downloads of this collection."""
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IR_DATASETS_DL_TRIES", "1")
    path = tmp_path / "home/vaswani/npl.tar.gz"
    path.parent.mkdir(parents=True)
    return path


def _write(archive):
    with tarfile.open(archive, "w:gz") as tar:
        for name, text in COLLECTION.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))


def test_a_fetched_collection_is_exported_without_network(snakemake, tmp_path, config, archive):
    exported = tmp_path / "results/export_corpus/mine/manifest.json"
    with refusing_proxy.noting() as asked:
        _write(archive)
        fetched = snakemake(tmp_path, "fetch", "--configfile", config)
        assert fetched.returncode == 0, fetched.stdout[-3000:]
        assert "pretraining_text" not in fetched.stdout
        archive.unlink()
        done = snakemake(tmp_path, "--configfile", config, "--", exported.relative_to(tmp_path))
    assert done.returncode == 0, done.stdout[-3000:]
    assert asked == []
    there = json.loads((tmp_path / "results/fetch_collection/mine.json").read_text())
    assert (there["documents"], there["queries"], there["qrels"]) == (3, 2, 3)
    counts = json.loads(exported.read_text())["counts"]
    assert (counts["documents"], counts["queries"], counts["relevant_pairs"]) == (3, 2, 3)


@pytest.mark.usefixtures("archive")
def test_a_collection_that_cannot_be_fetched_is_named(tmp_path):
    script = REPOSITORY / "workflow/scripts/fetch_collection.py"
    arguments = ["--options", '{"id": "vaswani"}', "--output", tmp_path / "mine.json"]
    with refusing_proxy.noting() as asked:
        done = subprocess.run(
            [sys.executable, script, *arguments],
            env=os.environ | {"PYTHONPATH": f"{REPOSITORY}/workflow/lib"},
            text=True,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 1
    assert "CorpusError: documents of vaswani cannot be read by ir-datasets" in done.stderr
    assert any("ir.dcs.gla.ac.uk" in request for request in asked)
    assert not (tmp_path / "mine.json").exists()


def test_the_text_of_a_pretraining_is_fetched_where_a_model_starts_from_it(snakemake, tmp_path):
    overlay = tmp_path / "own.yaml"
    own = {"dataset": "hpo-2k", "start": {"type": "pretraining"}}
    overlay.write_text(yaml.safe_dump({"models": {"own": own}}))
    done = snakemake(tmp_path, "-n", "fetch", "--configfile", overlay)
    assert "pretraining_text" in done.stdout, done.stdout[-3000:]


def test_a_run_asks_nothing_of_the_network(tiny_run):
    assert (tiny_run / "asked.txt").read_text() == ""


@pytest.mark.parametrize("url", ["http://nowhere.invalid/a", "https://nowhere.invalid/a"])
def test_what_is_asked_is_noted(url):
    with refusing_proxy.noting() as asked, pytest.raises(OSError, match="403"):
        urllib.request.build_opener().open(url)
    assert len(asked) == 1
    assert "nowhere.invalid" in asked[0]
