import errno
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pytest

from genir.base.errors import ConfigError, StorageError
from genir.files import full_disk
from genir.files.full_disk import refusal, writing
from genir.files.io import atomic_folder, write_csv, write_parquet
from genir.run import storage
from genir.run.config.values import named_paths
from genir.run.storage import check_storage

REPOSITORY = Path(__file__).resolve().parents[3]
NO_SPACE = os.strerror(errno.ENOSPC)
FRAME = pd.DataFrame({"a": [1]})
TWO_DAYS = 2 * 24 * 60 * 60
NOBODY = 65534


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, NO_SPACE),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        RuntimeError(f"I/O error: {NO_SPACE} (os error 28)"),
    ],
)
def test_a_full_disk_is_told_in_one_line(tmp_path, error):
    path = tmp_path / "a.csv"
    with pytest.raises(StorageError) as caught, writing(path):
        raise error
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be written (")
    assert (getattr(error, "strerror", None) or str(error)) in message
    assert message.endswith("free space and run snakemake again")
    assert "\n" not in message


def test_what_a_library_makes_of_a_full_disk_is_found_by_its_cause():
    def write():
        try:
            raise OSError(errno.ENOSPC, NO_SPACE, "a.pt")
        except OSError as error:
            raise RuntimeError("unexpected pos") from error

    with pytest.raises(RuntimeError) as caught:
        write()
    assert "free space" in str(refusal(caught.value))


def test_any_error_of_writing_on_a_full_disk_is_put_down_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr(full_disk, "is_full", lambda folder: folder == tmp_path)
    with (
        pytest.raises(StorageError, match=r"unexpected pos 64.*free space"),
        writing(tmp_path / "a"),
    ):
        raise RuntimeError("unexpected pos 64 vs 0")


@pytest.mark.parametrize("error", [ConfigError("wrong"), ValueError("a bug"), KeyError("a")])
def test_other_errors_stay_as_they_are(tmp_path, error):
    with pytest.raises(type(error)) as caught, writing(tmp_path / "a"):
        raise error
    assert caught.value is error


def test_a_run_that_ends_on_a_full_disk_says_so(tmp_path, monkeypatch, capsys):
    storage.tell_if_full(tmp_path)
    assert not capsys.readouterr().err
    monkeypatch.setattr(storage, "is_full", lambda folder: folder == tmp_path)
    storage.tell_if_full(tmp_path)
    assert capsys.readouterr().err == f"{tmp_path}: {full_disk.FULL}.\n"


def test_writers_name_the_file_and_leave_nothing(tmp_path, monkeypatch):
    def full(path):
        Path(path).write_text("a")
        raise OSError(errno.ENOSPC, NO_SPACE)

    monkeypatch.setattr(pd.DataFrame, "to_csv", lambda frame, path, **options: full(path))
    monkeypatch.setattr("pyarrow.parquet.write_table", lambda table, path, **options: full(path))
    for write, name in ((write_csv, "a.csv"), (write_parquet, "a.parquet")):
        with pytest.raises(StorageError, match=rf"/{name} cannot be written \(.*{NO_SPACE}"):
            write(tmp_path / name, FRAME)
    with (
        pytest.raises(StorageError, match="/model cannot"),
        atomic_folder(tmp_path / "model") as folder,
    ):
        full(folder / "a")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def folder_without_permission():
    """Of another user than the one that the test runs as; root gives up its rights meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        yield Path(folder)
        os.seteuid(user)


def test_a_folder_without_permission_is_named(folder_without_permission):
    folder = folder_without_permission
    with pytest.raises(StorageError, match=rf"{folder}/a.csv .* writing is not permitted"):
        write_csv(folder / "a.csv", FRAME)
    with pytest.raises(StorageError, match=rf"^{folder} .* --directory"):
        check_storage(folder, [])


def test_a_missing_permission_is_told_in_one_line(tmp_path):
    for number in (errno.EACCES, errno.EROFS):
        with (
            pytest.raises(StorageError, match=rf"{tmp_path}/a cannot .*: writing is not permitted"),
            writing(tmp_path / "a"),
        ):
            raise OSError(number, os.strerror(number), ".a.1")


def test_a_folder_that_can_be_used_is_left_as_it_was(tmp_path):
    (tmp_path / "results").mkdir()
    check_storage(tmp_path, [tmp_path / "nowhere"])
    assert [path.name for path in tmp_path.rglob("*")] == ["results"]


@pytest.mark.parametrize("where", ["results/evaluate/a.parquet", "corpus/documents.jsonl"])
def test_a_file_of_the_future_is_refused_and_the_command_mends_it(tmp_path, where):
    tmp_path /= "it's mine"
    for path in (tmp_path / where, tmp_path / "results/b.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    later = time.time() + TWO_DAYS
    os.utime(tmp_path / where, (later, later))
    with pytest.raises(StorageError) as caught:
        check_storage(tmp_path, [tmp_path / "corpus"])
    assert str(tmp_path / where) in str(caught.value)
    (command,) = re.findall(r"run `(.*)`", str(caught.value))
    subprocess.run(shlex.split(command), check=True)
    check_storage(tmp_path, [tmp_path / "corpus"])


def test_clocks_may_differ_by_seconds(tmp_path):
    later = time.time() + 20
    (tmp_path / "results").mkdir()
    (tmp_path / "results/a").touch()
    os.utime(tmp_path / "results/a", (later, later))
    check_storage(tmp_path, [])


def test_files_that_a_configuration_names_are_found(tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/q.jsonl").touch()
    config = {"corpora": {"mine": {"queries": "corpus/q.jsonl", "other": ["corpus", 3, ".", ""]}}}
    assert list(named_paths(config, REPOSITORY, tmp_path)) == [
        tmp_path / "corpus/q.jsonl",
        tmp_path / "corpus",
    ]
    (mini,) = named_paths("resources/mini-t5", REPOSITORY, tmp_path)
    assert mini == REPOSITORY / "resources/mini-t5"


def test_a_script_ends_with_the_line_alone(tmp_path):
    script = tmp_path / "a.py"
    script.write_text(
        "import errno, os\n"
        "from script import run\n"
        "def main() -> None:\n"
        "    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        "if __name__ == '__main__': run(main)\n"
    )
    folders = [str(REPOSITORY / "workflow" / name) for name in ("lib", "scripts")]
    done = subprocess.run(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("StorageError: a file cannot be written (")
    assert done.stderr.count("\n") == 1
