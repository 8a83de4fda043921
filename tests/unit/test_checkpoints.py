import logging

import torch

from genir.checkpoints import Checkpoint

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
    for damaged in (content[: len(content) // 2], b"", b"not a checkpoint"):
        checkpoint.path.write_bytes(damaged)
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="genir"):
            assert checkpoint.load() is None
        assert str(checkpoint.path) in caplog.text
        assert "starting afresh" in caplog.text


def test_removing(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run")
    checkpoint.save(STATE)
    checkpoint.remove()
    assert not checkpoint.folder.exists()
    checkpoint.remove()
