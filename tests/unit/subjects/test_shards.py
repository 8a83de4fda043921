import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import analysis_jobs
import numpy as np
import pytest
import torch
from analysis_jobs import ANALYSES, run_job, write_files
from plain_t5 import small_model
from run_comparison import differing_files
from workflow_sources import RULES

from genir.base.errors import AnalysisError
from genir.engine.encoder import LeanEncoder
from genir.engine.t5 import t5_of
from genir.run.costs import Workload, analysis_operations
from genir.run.shape import Shape
from genir.subjects import shards
from genir.subjects.blocks import Limits
from genir.subjects.shards import Loop, Shards, content_of
from genir.subjects.subject import QuerySource, load_subject

# Loops over queries, over layers of queries, over patches of queries, over encoders.
KILLED_AFTER = {"evaluate": 5, "rank_development": 5, "patch_component": 15, "encoder_swap": 7}
EARLIER = re.compile(r"(\d+) of (\d+) are there from an earlier attempt")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_files(folder)
    return folder


@pytest.fixture(scope="module")
def killed(files, tmp_path_factory):
    """Folders in which a job was killed, by script."""
    folders = {script: tmp_path_factory.mktemp(script) for script in KILLED_AFTER}
    for folder in folders.values():
        (folder / "data").symlink_to(files)
    jobs = [(script, str(folders[script]), number) for script, number in KILLED_AFTER.items()]
    tests = Path(analysis_jobs.__file__).parent
    paths = [tests, tests.parents[1] / "workflow/lib", tests.parents[1] / "workflow/scripts"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, analysis_jobs.__file__, json.dumps(jobs)]
    subprocess.run(command, env=environment, check=True)
    return folders


@pytest.fixture
def folder(files, tmp_path, monkeypatch):
    """The current folder, with the files."""
    (tmp_path / "data").symlink_to(files)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def computed(monkeypatch):
    """The task of every piece that is computed."""
    tasks, keep = [], Shards.keep

    def noted(self, loop, number, result):
        tasks.append(loop.task)
        keep(self, loop, number, result)

    monkeypatch.setattr(Shards, "keep", noted)
    return tasks


@pytest.mark.parametrize("script", KILLED_AFTER)
def test_a_killed_job_goes_on_to_the_same_bytes(
    script, killed, folder, monkeypatch, caplog, computed
):
    run_job(script)
    in_all = len(computed)
    computed.clear()

    monkeypatch.chdir(killed[script])
    with caplog.at_level("INFO", logger="genir"):
        run_job(script)
    assert len(computed) == in_all - KILLED_AFTER[script]
    assert EARLIER.search(caplog.text)
    assert differing_files(folder / "out", killed[script] / "out") == []


@pytest.mark.parametrize("script", [name for name in ANALYSES if name != "drift"])
def test_every_analysis_of_queries_keeps_all_its_work(script, folder, caplog, computed):
    run_job(script)
    assert set(computed) > {"queries read"}
    shutil.move("out", "first")
    computed.clear()
    with caplog.at_level("INFO", logger="genir"):
        run_job(script)
    assert computed == []
    assert {there == all_of_them for there, all_of_them in EARLIER.findall(caplog.text)} == {True}
    assert differing_files(folder / "first", folder / "out") == []


def test_every_long_analysis_is_told_where_and_its_rule_tidies_up():
    shape = Shape(8, 8, 8, 2, 2, 2, 90)
    work = Workload("m", shape, 100, 9, 9, {}, 0, 8, 1, 1, 1, 1)
    assert set(analysis_operations(work)) <= ANALYSES.keys()
    assert {analysis.cost for analysis in ANALYSES.values()} <= set(analysis_operations(work))
    text = (RULES / "analyses.smk").read_text()
    assert text.count("--limits.checkpoints {params.checkpoints:q}") == 1
    assert text.count("; rm -rf {params.checkpoints:q}") == 1


def test_another_model_gets_nothing_of_the_first(files, tmp_path, monkeypatch, computed):
    shutil.copytree(files, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    run_job("contributions")
    shutil.move("out", "first")
    in_all = len(computed)
    shutil.copy("data/reduced/model.safetensors", "data/model/model.safetensors")
    run_job("contributions")
    assert len(computed) == 2 * in_all
    shutil.move("out", "second")
    shutil.move("kept", "elsewhere")
    run_job("contributions")
    assert differing_files(tmp_path / "first", tmp_path / "second") != []
    assert differing_files(tmp_path / "out", tmp_path / "second") == []


def test_a_damaged_shard_is_computed_again(folder, caplog, computed):
    run_job("patch_stage")
    shutil.move("out", "first")
    computed.clear()
    patched = max(Path("kept/artifact/4000").iterdir(), key=lambda loop: len(list(loop.iterdir())))
    cut, changed = sorted(patched.rglob("state.pt"))[:2]
    os.truncate(cut, cut.stat().st_size // 2)
    (result,) = torch.load(changed, weights_only=True)["results"].values()
    content = bytearray(changed.read_bytes())
    content[content.index(next(iter(result.values())).numpy().tobytes())] ^= 1
    changed.write_bytes(content)
    with caplog.at_level("WARNING", logger="genir"):
        run_job("patch_stage")
    assert [task for task in computed if task != "queries read"] == ["patched queries"] * 2
    damaged = [message.split()[1] for message in caplog.messages if " is damaged " in message]
    assert sorted(damaged) == sorted(map(str, (cut, changed)))
    assert differing_files(folder / "first", folder / "out") == []


def _loop(shards, inputs=(), task="work"):
    return Loop(shards, task, inputs, [[0, 1], [2, 3], [4, 5]])


def _squares(piece):
    return {"squares": torch.tensor(piece) ** 2}


def test_little_work_leaves_no_file(tmp_path):
    loop = _loop(Shards(tmp_path / "kept"))
    squares = torch.cat([found["squares"] for found in loop.results(_squares)])
    assert squares.tolist() == [0, 1, 4, 9, 16, 25]
    assert not (tmp_path / "kept").exists()


def test_what_is_finished_is_written_once_a_minute(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(shards.time, "monotonic", lambda: now[0])
    loop = _loop(Shards(tmp_path))
    files = []
    for _ in loop.results(_squares):
        files.append(len(list(tmp_path.rglob("state.pt"))))
        now[0] += 45
    assert files == [0, 0, 1]
    assert [sorted(dict(loop._read())) for _ in range(2)] == [[0, 1, 2]] * 2


def test_a_loop_whose_results_are_in_other_ones_is_forgotten(tmp_path):
    kept = Shards(tmp_path, 0)
    first, second = _loop(kept), _loop(kept, task="other")
    for loop in (first, second):
        list(loop.results(_squares))
    kept.forget(first)
    assert not first.folder.exists()
    assert len(list(second.folder.iterdir())) == 3


def test_the_memory_is_that_of_the_attempt_that_began(tmp_path):
    list(_loop(Shards(tmp_path, 0, memory_mb=4000)).results(_squares))
    (tmp_path / ".nfs0001").touch()
    for memory, used in ((4000, 4000), (8000, 4000), (3000, 3000)):
        assert Shards(tmp_path, 0, memory_mb=memory).memory_mb == used
    assert Shards(tmp_path / "other", 0, memory_mb=8000).memory_mb == 8000


def test_equal_content_has_equal_hashes():
    def value(**changed):
        encoder = LeanEncoder(t5_of(small_model()))
        usual = {"encoder": encoder, "rows": np.arange(3), "names": [("a", 1)], "none": None}
        return content_of(usual | changed)

    assert value() == value()
    changes = {
        "encoder": LeanEncoder(t5_of(small_model(seed=1))),
        "rows": np.array([0, 2, 1]),
        "names": [("a", 2)],
        "none": torch.zeros(()),
    }
    others = {value(**{name: changed}) for name, changed in changes.items()}
    assert len({value(), *others}) == 5
    assert content_of(torch.zeros(2)) != content_of(torch.zeros(2, 1))
    assert content_of(np.array(["a", "b"], dtype=object)) != content_of(["ab"])


def test_what_was_begun_with_too_little_memory_goes(folder):
    source = QuerySource(Path("data/queries.parquet"), Path("data/qrels.test.txt"), "test", 8)
    kept = Path("kept")
    list(_loop(Shards(kept, 0, memory_mb=100)).results(_squares))
    subject = load_subject(Path("data/model"), source, Limits(4000, checkpoints=kept))
    assert subject.limits.memory_mb == 100
    with pytest.raises(AnalysisError, match="mem_mb is 100"):
        subject.blocks()
    subject = load_subject(Path("data/model"), source, Limits(4000, checkpoints=kept))
    assert subject.limits.memory_mb == 4000
