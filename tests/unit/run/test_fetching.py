import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_hub import NOBODY, serving
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError
from workflow_sources import REPOSITORY

from genir.base.errors import ConfigError, HubError
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
        done = _run(tmp_path, hub.url, T5 | {"revision": OLD})
    assert done.returncode == 0, done.stderr
    assert _files(tmp_path)[f"model/me--t5/{OLD}/model.safetensors"] == b"weights"
    assert not (tmp_path / LOCK_FILE).exists()


def test_what_is_in_the_cache_needs_no_network(tmp_path):
    pinned = T5 | {"revision": NEW}
    with serving(HUB) as hub:
        assert _run(tmp_path, hub.url, pinned).returncode == 0
    (tmp_path / "results").rename(tmp_path / "before")
    assert _run(tmp_path, NOBODY, pinned).returncode == 0
    assert len(_files(tmp_path)) == 3


@pytest.mark.parametrize(
    ("snapshot", "message"),
    [
        (T5 | {"id": "me/no"}, "models.t5.start: me/no is not on the hub, or not public"),
        (T5 | {"revision": "cd" * 20}, f"has no revision {'cd' * 20}"),
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
        fetch.download(Snapshot("models.t5.start", "model", "me/t5", "", NEW))


def test_a_lock_that_contradicts_the_config_asks_nobody(monkeypatch, tmp_path):
    lock = tmp_path / "lock.yaml"
    lock.write_text(f'models:\n  me/t5: "{OLD}"\n')
    monkeypatch.setattr(fetch, "snapshot_download", None)
    with pytest.raises(ConfigError, match="keep one of the two"):
        fetch.fetch([Snapshot("models.t5.start", "model", "me/t5", "", NEW)], lock)
