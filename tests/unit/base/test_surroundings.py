"""What a run takes from the environment that it is started in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from workflow_sources import REPOSITORY

from genir.base.errors import ConfigError, StorageError, SurroundingsError
from genir.base.paths import check_names
from genir.base.surroundings import check_encoding, check_prefix, keep_apart
from genir.run.storage import check_storage

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(autouse=True)
def own_variables(monkeypatch):
    monkeypatch.setattr(os, "environ", dict(os.environ))


def test_a_script_in_a_forced_ascii_locale_names_the_locale():
    check_encoding()
    done = subprocess.run(
        [sys.executable, REPOSITORY / "workflow/scripts/costs.py", "--workloads", "[]"],
        env=os.environ | ASCII | {"PYTHONPATH": f"{REPOSITORY}/workflow/lib"},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("SurroundingsError: the locale (LC_ALL=C) makes Python take")
    assert "export LC_ALL=C.UTF-8" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_leaks_into_environments_is_taken_away(tmp_path):
    os.environ["PYTHONPATH"] = str(tmp_path)
    keep_apart(tmp_path / "snakemake/__init__.py", submits=False)
    assert "PYTHONPATH" not in os.environ
    assert os.environ["PYTHONNOUSERSITE"] == "1"


def test_snakemake_that_leaks_itself_cannot_submit_jobs(tmp_path):
    os.environ["PYTHONPATH"] = f"{tmp_path}/other{os.pathsep}{tmp_path}"
    with pytest.raises(SurroundingsError, match=r"which PYTHONPATH names.*unset PYTHONPATH"):
        keep_apart(tmp_path / "snakemake/__init__.py", submits=True)
    assert "PYTHONPATH" in os.environ
    keep_apart(Path("/elsewhere/snakemake/__init__.py"), submits=True)


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_folder_for_temporary_files_that_is_not_there(tmp_path, name):
    (tmp_path / "file").touch()
    os.environ["TMPDIR"] = str(tmp_path / name)
    with pytest.raises(StorageError, match=rf"{name} is no folder, but TMPDIR names it"):
        check_storage(tmp_path, [])
    os.environ["TMPDIR"] = ""
    check_storage(tmp_path, [])


def test_a_folder_for_temporary_files_that_cannot_be_written(tmp_path):
    os.environ["TMPDIR"] = "/proc"
    with pytest.raises(StorageError, match="/proc cannot be written, but TMPDIR names it"):
        check_storage(tmp_path, [])


def test_environments_lie_where_snakemake_can_make_them():
    check_prefix(Path("/home/é a&b;c {v1}"))
    with pytest.raises(SurroundingsError, match=r"for \$ '; name .* --conda-prefix"):
        check_prefix(Path("/home/it's $HOME"))


def test_names_in_angle_brackets_are_refused():
    check_names([Path("a < b/<B>/{v1}/c > d")])
    with pytest.raises(ConfigError, match=r"data/<v1>/t5: Snakemake takes <v1>"):
        check_names([Path("data/<v1>/t5")])
