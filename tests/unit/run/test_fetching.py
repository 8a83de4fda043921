import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_hub import NOBODY, serving
from family_checkpoints import cut_into_shards, write_checkpoint
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError
from sentencepiece_models import write_pieces
from workflow_sources import REPOSITORY

from genir.base.errors import HubError
from genir.engine.t5 import load_t5
from genir.models.load import load_model
from genir.models.tokens import read_pieces
from genir.run import fetch
from genir.run.hub import LOCK_FILE, Snapshot, read_lock

OLD, NEW = "0" * 40, "ab" * 20
MODEL = {
    "config.json": b"{}",
    "model.safetensors": b"weights",
    "tokenizer.json": b"{}",
    "pytorch_model.bin": b"pickle",
    "modeling.py": b"import os",
    "onnx/model.safetensors": b"other weights",
}
HUB = {
    "models/me/t5": {OLD: MODEL, NEW: MODEL | {"model.safetensors": b"newer"}},
    "models/me/ema": {NEW: {"config.json": b"{}", "model_ema.safetensors": b"other"}},
    "models/me/bin": {NEW: {"config.json": b"{}", "pytorch_model.bin": b"pickle"}},
    "datasets/me/nq": {
        NEW: {"dev/train.parquet": b"dev", "all/train.parquet": b"all", "nq.py": b"import os"}
    },
}
T5 = {"key": "models.t5.start", "kind": "model", "id": "me/t5"}
NQ = {"key": "corpora.nq", "kind": "dataset", "id": "me/nq", "name": "dev"}


def _run(folder: Path, url: str, *snapshots: dict) -> subprocess.CompletedProcess[str]:
    """The script with the real client, as the rule calls it."""
    script = REPOSITORY / "workflow/scripts/fetch.py"
    arguments = ["--snapshots", json.dumps(snapshots), "--lock", LOCK_FILE]
    return subprocess.run(
        [sys.executable, script, *arguments],
        cwd=folder,
        env=os.environ
        | {"HF_ENDPOINT": url, "HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "0"}
        | {"PYTHONPATH": f"{REPOSITORY}/workflow/lib"},
        text=True,
        capture_output=True,
    )


def _files(folder: Path) -> dict[str, bytes]:
    root = folder / "results/fetch"
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def test_the_newest_revision_is_noted_once_and_its_harmless_files_are_fetched(tmp_path):
    with serving(HUB) as hub:
        done = _run(tmp_path, hub.url, T5, NQ)
        assert done.returncode == 0, done.stderr
        assert read_lock(tmp_path / LOCK_FILE) == {
            ("model", "me/t5"): NEW,
            ("dataset", "me/nq"): NEW,
        }
        model = f"model/me--t5/{NEW}"
        assert _files(tmp_path) == {
            f"{model}/config.json": b"{}",
            f"{model}/model.safetensors": b"newer",
            f"{model}/tokenizer.json": b"{}",
            f"dataset/me--nq/{NEW}/dev/dev/train.parquet": b"dev",
        }
        hub.repositories["models/me/t5"]["cd" * 20] = MODEL
        hub.requests.clear()
        done = _run(tmp_path, hub.url, T5, NQ)
        assert done.returncode == 0, done.stderr
        assert not [path for path in hub.requests if "/me/" in path]


def test_a_revision_of_the_config_is_taken_and_not_noted(tmp_path):
    with serving(HUB) as hub:
        done = _run(tmp_path, hub.url, T5 | {"wanted": OLD})
    assert done.returncode == 0, done.stderr
    assert _files(tmp_path)[f"model/me--t5/{OLD}/model.safetensors"] == b"weights"
    assert not (tmp_path / LOCK_FILE).exists()


def test_what_is_in_the_cache_needs_no_network(tmp_path):
    pinned = T5 | {"wanted": NEW}
    with serving(HUB) as hub:
        assert _run(tmp_path, hub.url, pinned).returncode == 0
    (tmp_path / "results").rename(tmp_path / "before")
    assert _run(tmp_path, NOBODY, pinned).returncode == 0
    assert len(_files(tmp_path)) == 3


@pytest.mark.parametrize(
    ("snapshot", "message"),
    [
        (T5 | {"id": "me/no"}, "models.t5.start: me/no is not on the hub, or not public"),
        (T5 | {"wanted": "cd" * 20}, f"has no revision {'cd' * 20}"),
        (T5 | {"id": "me/bin"}, "me/bin has no weights in safetensors"),
        (T5 | {"id": "me/ema"}, "me/ema has no weights in safetensors"),
        (NQ | {"name": "rc"}, "corpora.nq: me/nq has no Parquet files of a configuration rc"),
    ],
)
def test_what_the_hub_lacks_is_named_and_nothing_stays(tmp_path, snapshot, message):
    with serving(HUB) as hub:
        done = _run(tmp_path, hub.url, snapshot)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("HubError: ")
    assert message in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_download_that_breaks_off_leaves_nothing(tmp_path):
    with serving(HUB) as hub:
        hub.broken.add("tokenizer.json")
        done = _run(tmp_path, hub.url, T5)
        assert done.returncode == 1
        assert "HubError: models.t5.start: me/t5: the hub cannot be reached" in done.stderr
        assert not (tmp_path / "results").exists()
        hub.broken.clear()
        assert _run(tmp_path, hub.url, T5).returncode == 0
    assert len(_files(tmp_path)) == 3


def test_without_network_there_is_one_message_and_no_lock(tmp_path):
    done = _run(tmp_path, NOBODY, T5)
    assert done.returncode == 1
    assert done.stderr.startswith("HubError: models.t5.start: me/t5: the hub cannot be reached")
    assert done.stderr.count("\n") == 1
    assert "run `snakemake fetch` again" in done.stderr
    assert not list(tmp_path.rglob("*.yaml"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (LocalEntryNotFoundError("Got: ConnectError\nmore"), r"cannot be reached .*Got: ConnectE"),
        (TimeoutError("slow"), "cannot be reached"),
        (GatedRepoError.__new__(GatedRepoError), "hf auth login"),
    ],
)
def test_errors_of_the_client_become_ours(monkeypatch, error, message):
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(fetch, "snapshot_download", fails)
    with pytest.raises(HubError, match=message):
        fetch.download(Snapshot("models.t5.start", "model", "me/t5", revision=NEW))


def test_several_revisions_of_one_id_are_fetched_and_their_commits_noted(tmp_path):
    names = {"models/me/t5": {"main": NEW, "step_10": OLD, "refs/pr/1": NEW}}
    wanted = [T5 | {"wanted": wanted} for wanted in ("step_10", "refs/pr/1", OLD)]
    with serving(HUB, names) as hub:
        done = _run(tmp_path, hub.url, *wanted)
        assert done.returncode == 0, done.stderr
        expected = {("model", "me/t5@step_10"): OLD, ("model", "me/t5@refs/pr/1"): NEW}
        assert read_lock(tmp_path / LOCK_FILE) == expected
        files = _files(tmp_path)
        assert len(files) == 6
        assert files[f"model/me--t5/{OLD}/model.safetensors"] == b"weights"
        assert files[f"model/me--t5/{NEW}/model.safetensors"] == b"newer"
        hub.names["models/me/t5"]["step_10"] = NEW
        assert _run(tmp_path, hub.url, *wanted).returncode == 0
        assert read_lock(tmp_path / LOCK_FILE) == expected


def test_a_tokenizer_comes_from_the_revision_that_is_named_for_it(tmp_path):
    newer = MODEL | {"tokenizer.json": b"{1}", "model.safetensors": b"newer"}
    hub = {"models/me/t5": {OLD: MODEL | {"added_tokens.json": b"{}"}, NEW: newer}}
    with serving(hub, {"models/me/t5": {"main": NEW}}) as hub:
        done = _run(tmp_path, hub.url, T5 | {"wanted": OLD, "tokenizer_wanted": "main"})
    assert done.returncode == 0, done.stderr
    folder = f"model/me--t5/{OLD}-tokenizer-{NEW}"
    assert _files(tmp_path) == {
        f"{folder}/config.json": b"{}",
        f"{folder}/model.safetensors": b"weights",
        f"{folder}/tokenizer.json": b"{1}",
    }
    assert read_lock(tmp_path / LOCK_FILE) == {("model", "me/t5@main"): NEW}


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        ({"refs/pr/1": OLD, "refs/pr/2": NEW}, f'"refs/pr/2" (now {NEW}, a pull request that its'),
        ({"main": OLD, "step_10": NEW}, f'revision: "step_10" (now {NEW}). Where'),
        ({"main": OLD}, "not loaded. Where you trust them, convert them once"),
    ],
)
def test_weights_as_pickles_are_refused_with_where_the_others_are(tmp_path, names, advice):
    pickled = HUB["models/me/bin"][NEW]
    hub = {"models/me/bin": {OLD: pickled, NEW: pickled | {"model.safetensors": b"weights"}}}
    with serving(hub, {"models/me/bin": names}) as hub:
        done = _run(tmp_path, hub.url, T5 | {"id": "me/bin", "wanted": OLD})
    assert done.returncode == 1
    assert advice in done.stderr
    assert "from_pretrained(...).save_pretrained(<folder>)" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("HubError: models.t5.start: me/bin has no we")
    assert not (tmp_path / "results").exists()


def test_shards_come_whole_or_not_at_all(tmp_path):
    write_checkpoint(tmp_path / "model", "umt5")
    cut_into_shards(tmp_path / "model")
    files = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    lacking = {name: body for name, body in files.items() if "00002-of" not in name}
    with serving({"models/me/t5": {OLD: lacking, NEW: files}}) as hub:
        done = _run(tmp_path, hub.url, T5 | {"wanted": OLD})
        assert done.returncode == 1
        assert "not complete at revision 0000" in done.stderr
        assert "lacks model-00002-of-00002.safetensors, which model.safet" in done.stderr
        assert not (tmp_path / "results").exists()
        assert _run(tmp_path, hub.url, T5).returncode == 0
    folder = tmp_path / f"results/fetch/model/me--t5/{NEW}"
    whole = load_t5(folder)
    assert len(whole.weights) == len(load_t5(tmp_path / "model").weights)
    assert load_model(folder).config.model_type == "umt5"


def test_a_sentencepiece_model_is_converted(tmp_path):
    write_checkpoint(tmp_path / "model", "umt5")
    (tmp_path / "model/tokenizer.json").unlink()
    write_pieces(tmp_path / "model/tokenizer.model", "t5")
    files = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    with serving({"models/me/t5": {NEW: files}}) as hub:
        done = _run(tmp_path, hub.url, T5)
        assert done.returncode == 0, done.stderr
        assert "tokenizer.model: tokenizer.json is made of it" in done.stderr
    folder = tmp_path / f"results/fetch/model/me--t5/{NEW}"
    assert (folder / "tokenizer.model").read_bytes() == files["tokenizer.model"]
    assert read_pieces(folder).encode("broad foot").ids[-1] == 1
    (cached,) = (tmp_path / "cache").rglob(f"{NEW}/tokenizer_config.json")
    assert cached.read_bytes() == files["tokenizer_config.json"]


def test_a_sentencepiece_model_that_cannot_be_read_leaves_nothing(tmp_path):
    files = {name: MODEL[name] for name in ("config.json", "model.safetensors")}
    with serving({"models/me/t5": {NEW: files | {"spiece.model": b"pieces"}}}) as hub:
        done = _run(tmp_path, hub.url, T5)
    assert done.returncode == 1
    assert "models.t5.start: me/t5: spiece.model is no sentencepiece model" in done.stderr
    assert not _files(tmp_path)
