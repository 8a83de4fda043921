"""Circuits as folders: what rule circuit_model writes, and what reads it."""

import json
import shutil
import sys
from pathlib import Path
from unittest.mock import patch

import evaluate
import pandas as pd
import pytest
import retrieve
import torch
from analysis_jobs import arguments, run_job, write_files
from safetensors.torch import load_file, save_file

from genir.analyses import rank_agreement
from genir.base.errors import ModelError
from genir.engine.circuit import VECTORS
from genir.engine.circuit_files import load_circuit
from genir.engine.t5 import load_t5
from genir.files.fingerprint import sha256
from script import run


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "data").mkdir()
    write_files(folder / "data")
    with pytest.MonkeyPatch.context() as context:
        context.chdir(folder)
        run_job("circuit_model")
    return folder


@pytest.fixture
def circuit(files, tmp_path):
    """A copy of a circuit's folder that may be damaged."""
    return shutil.copytree(files / "out/study", tmp_path / "study")


def _record(folder):
    return json.loads((folder / "circuit.json").read_text())


def test_a_circuit_says_what_it_is(files):
    record = _record(files / "out/study")
    assert (record["circuit"], record["model"]["name"]) == ("study", "model")
    weights = files / "data/model/model.safetensors"
    assert record["model"]["sha256"]["model.safetensors"] == sha256(weights)
    assert record["stages"] == {"I": [0, 0], "II": [1, 1], "III": [2, 2]}
    states = {(c["layer"], c["component"]): c["state"] for c in record["components"]}
    computed = {place for place, state in states.items() if state == "computed"}
    assert computed == {(1, "cross_attention"), (2, "cross_attention"), (2, "mlp")}
    assert (record["active"], len(states)) == (3, 9)
    assert record["means"]["correct_queries"] == 6
    for split in ("validation", "test"):
        assert record["ranks"][split] == {"queries": 10, "different": 0, "largest_gap": 0.0}


def test_what_is_cut_is_not_in_the_file(files):
    record, stored = (
        _record(files / "out/study"),
        load_file(files / "out/study/circuit.safetensors"),
    )
    whole = load_file(files / "data/model/model.safetensors")
    counted = record["parameters"]
    assert sum(t.numel() for t in stored.values()) == counted["circuit"]["total"]
    assert sum(t.numel() for t in whole.values()) == counted["model"]["total"]
    assert counted["circuit"]["decoder"] < counted["one_step"]["decoder"] / 2
    assert counted["one_step"]["decoder"] < counted["model"]["decoder"]
    assert record["bytes"]["circuit"] == (files / "out/study/circuit.safetensors").stat().st_size
    assert stored[VECTORS].shape == (4, 16)
    assert all(torch.equal(stored[name], whole[name]) for name in stored if name != VECTORS)


@pytest.mark.parametrize("variant", ["study", "automatic"])
def test_evaluate_and_retrieve_run_a_circuit(files, variant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(files / "data")
    for name, module in (("evaluate", evaluate), ("retrieve", retrieve)):
        words = [str(files / f"out/{variant}") if w == "data/model" else w for w in arguments(name)]
        with patch.object(sys, "argv", [module.__file__, *words]):
            run(module.main)
    for split in ("validation", "test"):
        found = pd.read_parquet(f"out/{split}.parquet")
        patched = pd.read_parquet(files / f"data/circuits/{variant}.{split}.parquet")
        same = ["query_id", "doc_id", "vocabulary_rank", "docid_rank"]
        assert found[same].equals(patched[same])
        lines = [line.split() for line in Path(f"out/{split}.run").read_text().splitlines()]
        listed = {(query, document): int(rank) for query, _, document, rank, *_ in lines}
        for row in found.itertuples():
            if row.docid_rank <= 5:
                assert listed[row.query_id, row.doc_id] == row.docid_rank


def test_weights_keep_their_precision(files, tmp_path, monkeypatch):
    shutil.copytree(files / "data", tmp_path / "data")
    weights = tmp_path / "data/model/model.safetensors"
    halves = {name: tensor.bfloat16() for name, tensor in load_file(weights).items()}
    save_file(halves, weights, metadata={"format": "pt"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rank_agreement, "TOLERANCE", 1.0)
    run_job("circuit_model")
    stored = load_file(tmp_path / "out/study/circuit.safetensors")
    kinds = {name: tensor.dtype for name, tensor in stored.items()}
    assert kinds.pop(VECTORS) == torch.float32
    assert set(kinds.values()) == {torch.bfloat16}
    assert load_circuit(tmp_path / "out/study").head.dtype == torch.float32


def test_ranks_unlike_those_of_the_patched_model_are_refused(files, tmp_path, monkeypatch):
    shutil.copytree(files / "data", tmp_path / "data")
    path = tmp_path / "data/circuits/study.test.parquet"
    table = pd.read_parquet(path)
    table.loc[3, "vocabulary_rank"] += 1
    table.to_parquet(path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="query 'q07' and 0 others have other ranks"):
        run_job("circuit_model")
    assert not (tmp_path / "out/study").exists()
    table.drop(3).to_parquet(path)
    with pytest.raises(SystemExit, match=r"study.test.parquet lacks 'q07'"):
        run_job("circuit_model")


def test_documents_that_rounding_cannot_order_may_change_places(files, tmp_path, monkeypatch):
    shutil.copytree(files / "data", tmp_path / "data")
    path = tmp_path / "data/circuits/study.test.parquet"
    table = pd.read_parquet(path)
    table.loc[3, "vocabulary_rank"] += 1
    table.to_parquet(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rank_agreement, "TOLERANCE", 1.0)
    run_job("circuit_model")
    ranks = _record(tmp_path / "out/study")["ranks"]["test"]
    assert (ranks["queries"], ranks["different"]) == (10, 1)
    assert 0 < ranks["largest_gap"] < 1


def test_a_circuit_is_no_whole_model(files):
    with pytest.raises(ModelError, match=r"holds a circuit, which lacks parts of its T5"):
        load_t5(files / "out/study")
    with pytest.raises(ModelError, match=r"circuit.json cannot be read"):
        load_circuit(files / "data/model")


def _rewritten(folder, change):
    path = folder / "circuit.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def _not_a_number(tensors):
    tensors[VECTORS][1, 2] = float("nan")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensors: tensors.pop(VECTORS), "1 tensors are missing.*: circuit.vectors;"),
        (lambda tensors: tensors.update(other=torch.ones(3)), "of another shape.*: other;"),
        (
            lambda tensors: tensors.update({VECTORS: torch.ones(3, 16)}),
            "of another shape.*: circuit.vectors; have Snakemake make the folder again",
        ),
        (_not_a_number, "tensor circuit.vectors: 1 of 64 values are not finite"),
        (
            lambda tensors: tensors.update({VECTORS: torch.ones(4, 16, dtype=torch.int32)}),
            "of another shape.*: circuit.vectors;",
        ),
    ],
)
def test_weights_that_are_not_the_circuits_are_refused(circuit, change, said):
    load_circuit(circuit)
    _rewritten(circuit, change)
    with pytest.raises(ModelError, match=said):
        load_circuit(circuit)


def test_a_file_that_is_cut_off_or_gone_is_refused(circuit):
    path = circuit / "circuit.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"circuit.safetensors cannot be read"):
        load_circuit(circuit)
    path.unlink()
    with pytest.raises(ModelError, match=r"circuit.safetensors cannot be read"):
        load_circuit(circuit)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.pop("components"),
        lambda record: record.update(components="all"),
        lambda record: record["components"].pop(),
        lambda record: record["components"].reverse(),
        lambda record: record["components"][4].update(state="here"),
        lambda record: record["components"][4].pop("layer"),
    ],
)
def test_a_record_that_does_not_say_what_is_left_is_refused(circuit, change):
    record = _record(circuit)
    change(record)
    (circuit / "circuit.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match="does not say of the components of 3 layers"):
        load_circuit(circuit)


def test_a_state_that_is_no_number_is_not_ranked(circuit, files, monkeypatch):
    def large(tensors):
        tensors[VECTORS][:] = 1e30

    _rewritten(circuit, large)
    monkeypatch.chdir(files)
    words = [str(circuit) if word == "data/model" else word for word in arguments("evaluate")]
    with (
        patch.object(sys, "argv", [evaluate.__file__, *words]),
        pytest.raises(SystemExit, match="the circuit's states are no numbers"),
    ):
        run(evaluate.main)
