import logging

import pytest
import torch

from genir.files.checkpoint import Checkpoint, identity_of

STATE = {"step": 3, "curve": [{"loss": 0.1}], "model": {"weight": torch.arange(4.0)}}


def test_a_saved_state_is_loaded_unchanged(tmp_path):
    Checkpoint(tmp_path / "run/a").save(STATE)
    loaded = Checkpoint(tmp_path / "run/a").load()
    assert {k: loaded[k] for k in ("step", "curve")} == {"step": 3, "curve": [{"loss": 0.1}]}
    assert torch.equal(loaded["model"]["weight"], STATE["model"]["weight"])


def test_the_last_state_counts_and_nothing_else_is_kept(tmp_path):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(STATE)
    checkpoint.save(STATE | {"step": 9})
    assert checkpoint.load()["step"] == 9
    assert list(tmp_path.iterdir()) == [checkpoint.path]


def test_there_is_none_at_first(tmp_path, caplog):
    assert Checkpoint(tmp_path).load() is None
    assert not caplog.records


def test_a_damaged_file_is_named_and_ignored(tmp_path, caplog):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(STATE)
    content = checkpoint.path.read_bytes()
    weight = STATE["model"]["weight"].numpy().tobytes()
    changed = content.replace(weight, weight[:-1] + b"A")
    for damaged in (content[: len(content) // 2], b"", b"not a checkpoint", changed):
        assert damaged != content
        checkpoint.path.write_bytes(damaged)
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="genir"):
            assert checkpoint.load() is None
        assert str(checkpoint.path) in caplog.text
        assert "starting afresh" in caplog.text


def test_a_state_of_other_data_is_named_and_ignored(tmp_path, caplog):
    Checkpoint(tmp_path, "these data").save(STATE)
    for identity in ("other data", ""):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="genir"):
            assert Checkpoint(tmp_path, identity).load() is None
        assert len(caplog.records) == 1
        assert "of other data: starting afresh" in caplog.text
    assert Checkpoint(tmp_path, "these data").load()["step"] == 3


def test_a_file_that_some_other_program_wrote_is_ignored(tmp_path):
    checkpoint = Checkpoint(tmp_path)
    for content in ([1, 2], {"weights": 1}, STATE):
        torch.save(content, checkpoint.path)
        assert checkpoint.load() is None


def test_the_identity_is_of_content_and_settings(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("one")
    first = identity_of([file], {"steps": 2})
    assert identity_of([file], {"steps": 3}) != first
    other = file.rename(tmp_path / "b.txt")
    assert identity_of([other], {"steps": 2}) == first
    other.write_text("two")
    assert identity_of([other], {"steps": 2}) != first


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("cut")])
def test_what_cannot_be_saved_leaves_the_last_state_and_the_run(
    tmp_path, monkeypatch, caplog, error
):
    def fail(state, path):
        path.write_bytes(b"half")
        raise error

    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(STATE)
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, logger="genir"):
        patch.setattr(torch, "save", fail)
        checkpoint.save(STATE | {"step": 9})
    assert len(caplog.records) == 1
    assert "no new checkpoint, going on without" in caplog.text
    assert str(checkpoint.path) in caplog.text
    assert list(tmp_path.iterdir()) == [checkpoint.path]
    assert checkpoint.load()["step"] == 3


def test_what_a_killed_process_was_writing_is_removed(tmp_path):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(STATE)
    (tmp_path / "state.123.partial").write_bytes(b"half")
    assert checkpoint.load()["step"] == 3
    assert list(tmp_path.iterdir()) == [checkpoint.path]


def test_removing(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run")
    checkpoint.save(STATE)
    checkpoint.remove()
    assert not checkpoint.folder.exists()
    checkpoint.remove()
