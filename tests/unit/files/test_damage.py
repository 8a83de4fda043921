import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from workflow_sources import REPOSITORY

from genir.analyses.run_metrics import query_metrics
from genir.base.errors import CorpusError, DamagedFileError
from genir.corpora.trec import read_qrels, write_qrels, write_run
from genir.engine.weights import opened_tensors
from genir.files.io import (
    atomic_folder,
    read_csv,
    read_json,
    read_jsonl,
    read_parquet,
    write_csv,
    write_json,
    write_jsonl,
    write_parquet,
)
from genir.files.provenance import carrying
from genir.models.docids import load_docids
from genir.models.load import load_model, load_tokenizer, save_model
from genir.models.tokens import read_pieces

MINI_T5 = REPOSITORY / "resources/mini-t5"
FRAME = pd.DataFrame({"query_id": [f"q{n}" for n in range(500)], "doc_id": "d", "value": 0.25})
WRITTEN = {
    "a.parquet": (lambda path: write_parquet(path, FRAME), read_parquet),
    "a.csv": (lambda path: write_csv(path, FRAME), read_csv),
    "a.json": (lambda path: write_json(path, {"value": [1, 2]}), read_json),
    "a.jsonl": (
        lambda path: write_jsonl(path, [{"a": 1}] * 9),
        lambda path: list(read_jsonl(path)),
    ),
    "qrels.txt": (lambda path: write_qrels(path, FRAME), read_qrels),
}


@pytest.fixture(autouse=True)
def workdir(tmp_path, monkeypatch):
    """Results are named relative to the folder a script runs in, and carry their provenance."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    with carrying({"script": "test"}):
        yield


def _cut(content):
    return content[: len(content) // 2]


def _omit(content):
    """The last line."""
    return b"".join(content.splitlines(keepends=True)[:-1])


def _change(content):
    return content.replace(b"1", b"2", 1)


HARMED = [(name, harm) for name in WRITTEN for harm in (lambda _: b"", _cut)]
HARMED += [(name, harm) for name in WRITTEN if name != "a.parquet" for harm in (_omit, _change)]


@pytest.mark.parametrize(("name", "harm"), HARMED)
def test_a_result_that_is_not_as_it_was_written_is_named_with_what_to_do(tmp_path, name, harm):
    write, read = WRITTEN[name]
    path = f"results/{name}"
    write(path)
    read(path)
    content = (tmp_path / path).read_bytes()
    assert harm(content) != content
    (tmp_path / path).write_bytes(harm(content))
    with pytest.raises(DamagedFileError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is damaged (")
    assert message.endswith(f"delete {path} and run snakemake again")
    assert "\n" not in message


def test_files_of_one_stem_are_compared_each_with_its_own(tmp_path):
    write_csv("results/a.csv", FRAME)
    write_json("results/a.json", {"a": 1})
    assert len(read_csv("results/a.csv")) == len(FRAME)
    assert read_json("results/a.json") == {"a": 1}
    (tmp_path / "results/a.json").write_text('{"a": 2}\n')
    assert len(read_csv("results/a.csv")) == len(FRAME)
    with pytest.raises(DamagedFileError, match="its bytes are not those that were written"):
        read_json("results/a.json")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sha256": 5}', "[" * 99_999])
def test_a_damaged_digest_vouches_for_nothing_until_it_is_written_again(tmp_path, text):
    write_csv("results/a.csv", FRAME)
    (tmp_path / "results/a.provenance.json").write_text(text)
    said = r"^results/a.csv is damaged \(a.provenance.json beside it .*: delete results/a.csv "
    with pytest.raises(DamagedFileError, match=said):
        read_csv("results/a.csv")
    write_csv("results/a.csv", FRAME)
    assert len(read_csv("results/a.csv")) == len(FRAME)


def test_without_a_digest_a_file_is_read_as_it_is(tmp_path):
    write_csv("results/a.csv", FRAME)
    (tmp_path / "results/a.provenance.json").unlink()
    (tmp_path / "results/a.csv").write_text("a\n1\n")
    assert len(read_csv("results/a.csv")) == 1


def test_changed_bytes_in_parquet_are_noticed(tmp_path):
    path = tmp_path / "results/a.parquet"
    numbers = pd.DataFrame({"a": np.random.default_rng(1).normal(size=4000)})
    write_parquet(path, numbers)
    content = path.read_bytes()
    for place in range(200, 20_000, 2_000):
        path.write_bytes(content[:place] + bytes(8) + content[place + 8 :])
        with pytest.raises(DamagedFileError):
            read_parquet("results/a.parquet")


def test_what_was_written_as_one_folder_is_deleted_as_one():
    with atomic_folder("results/model") as folder:
        save_file({"a": np.zeros(1000, np.float32)}, folder / "model.safetensors")
        (folder / "tokenizer.json").write_text('{"model": ')
    file = Path("results/model/model.safetensors")
    content = file.read_bytes()
    assert list(opened_tensors(Path("results/model"))) == ["a"]
    for damaged in (content[:-1], content[:4], b"", content[:-1] + b"\1"):
        file.write_bytes(damaged)
        with pytest.raises(DamagedFileError, match=rf"^{file} .*: delete results/model and run"):
            opened_tensors(Path("results/model"))
    with pytest.raises(DamagedFileError, match=r"tokenizer.json .*: delete results/model and run"):
        read_pieces("results/model")


@pytest.mark.parametrize("name", ["tokenizer_config.json", "generation_config.json"])
def test_no_setting_of_a_model_is_taken_that_was_changed(name):
    with atomic_folder("results/model") as folder:
        save_model(folder, load_model(MINI_T5), load_tokenizer(MINI_T5), {"a": 8})
    assert load_model("results/model")
    assert load_tokenizer("results/model")
    file = Path("results/model") / name
    file.write_text(file.read_text().replace("{", '{"top_k": 7,', 1))
    for load in (load_model, load_tokenizer):
        with pytest.raises(DamagedFileError, match=rf"^{file} .*: delete results/model and run"):
            load("results/model")


def test_what_comes_from_the_hub_is_fetched_again(tmp_path):
    folder = "results/fetch/model/AnReu--DSI/0123/"
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "config.json").write_text("{")
    with pytest.raises(DamagedFileError, match=rf"delete {folder[:-1]}, .* run `snakemake fetch`"):
        read_json(f"{folder}config.json")


@pytest.mark.parametrize("said", ['{"sha256": {"config.json": "0"}}', "[]"])
def test_what_somebody_uploaded_beside_a_file_is_no_word_of_ours(tmp_path, said):
    folder = tmp_path / "results/fetch/model/AnReu--DSI/0123"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "provenance.json").write_text(said)
    assert read_json("results/fetch/model/AnReu--DSI/0123/config.json") == {}


def test_a_run_that_was_emptied_is_no_run_without_hits(tmp_path):
    write_run("results/a.run", ["q1"], np.array([["d"]]), "test")
    write_qrels("results/qrels.txt", FRAME[1:2])
    assert query_metrics("results/a.run", "results/qrels.txt", FRAME["query_id"][1:2]).size
    (tmp_path / "results/a.run").write_bytes(b"")
    with pytest.raises(DamagedFileError, match="not those that were written"):
        query_metrics("results/a.run", "results/qrels.txt", FRAME["query_id"][1:2])


def test_files_of_the_user_keep_their_own_messages(tmp_path):
    (tmp_path / "qrels.txt").write_text("q1 0 d1 1\nq2 0 d2")
    with pytest.raises(CorpusError, match="line 2: 3 fields"):
        read_qrels("qrels.txt")
    (tmp_path / "qrels.txt").write_text("q1 0 d1 1")
    assert len(read_qrels("qrels.txt")) == 1
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(json.JSONDecodeError):
        read_json("a.json")


def test_a_file_that_is_not_there_is_not_called_damaged():
    for _, read in WRITTEN.values():
        with pytest.raises((FileNotFoundError, CorpusError)):
            read("results/nowhere")


def test_a_mapping_that_was_cut_off_in_a_model_of_ours(tmp_path):
    (tmp_path / "results/docids.json").write_text('{"a": 1, ')
    with pytest.raises(DamagedFileError, match=r"results/docids.json is damaged"):
        load_docids("results/docids.json", 10)
