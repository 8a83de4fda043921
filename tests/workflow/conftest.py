"""Running the workflow from tests, in a folder of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import refusing_proxy
import torch
import yaml
from filelock import FileLock
from transformers import T5ForConditionalGeneration

from genir.run.config.values import CORPUS_FILES
from genir.run.hub import COMMIT, LOCK_FILE, lock_text, named_snapshots, place

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGS = sorted(
    path for path in (REPOSITORY / "config").glob("*.yaml") if not path.match("*.lock.yaml")
)
Snakemake = Callable[..., subprocess.CompletedProcess[str]]


def stand_in(folder: Path, config: Path) -> None:
    """What a config needs beside it to be planned: hub revisions, and files of the user's own."""
    content = yaml.safe_load(config.read_text())
    named = named_snapshots(content)
    wanted = {(s.kind, s.id, w) for s in named for w in (s.wanted, s.tokenizer_wanted)}
    lock = {
        (kind, place(name, "" if COMMIT.fullmatch(revision) else revision)): "0" * 40
        for kind, name, revision in wanted
    }
    if lock:
        (folder / "config").mkdir()
        (folder / LOCK_FILE).write_text(lock_text(lock))
    for corpus in filter(None, content.get("corpora", {}).values()):
        for path in [folder / corpus[key] for key in CORPUS_FILES if key in corpus]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


@pytest.fixture(scope="session")
def snakemake() -> Snakemake:
    """Runs snakemake on the repository's workflow, in `directory`."""

    def run(directory: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "snakemake", "--directory", directory, *arguments]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.run(
            [str(part) for part in command],
            cwd=REPOSITORY,
            env=os.environ | {"PATH": path},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    return run


@pytest.fixture(scope="session")
def tiny_run(
    snakemake: Snakemake, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Path:
    """The folder of a finished run of config/tiny.yaml; said.txt is what that run printed,
    asked.txt what it asked of the network. All processes that share the tests share it: read it."""
    own = tmp_path_factory.getbasetemp()
    above = own if worker_id == "master" else own.parent
    folder = above / "tiny"
    with FileLock(above / "tiny.lock"):
        if not (folder / "said.txt").exists():
            folder.mkdir(exist_ok=True)
            with refusing_proxy.noting() as asked:
                done = snakemake(folder, "--configfile", REPOSITORY / "config/tiny.yaml")
            assert done.returncode == 0, done.stdout[-6000:]
            (folder / "asked.txt").write_text("\n".join(asked))
            (folder / "said.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="session")
def shallow_start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """resources/mini-t5 with a quarter of its decoder, for runs whose models need not be deep."""
    whole, folder = REPOSITORY / "resources/mini-t5", tmp_path_factory.mktemp("shallow") / "t5"
    model = T5ForConditionalGeneration.from_pretrained(whole, dtype=torch.float32)
    model.decoder.block = model.decoder.block[:4]
    model.config.num_decoder_layers = 4
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(whole / name, folder)
    return folder
