import subprocess
import sys
from inspect import signature

import analyse
import figure
import pytest
import table
from workflow_sources import REPOSITORY

from genir.base.entries import Entries
from genir.base.errors import AnalysisError
from genir.run import artifacts

SCRIPTS = REPOSITORY / "workflow/scripts"
DRIVERS = {"table": table.TABLES, "figure": figure.FIGURES}


def call(*arguments):
    return subprocess.run(
        [sys.executable, SCRIPTS / f"{arguments[0]}.py", *arguments[1:]],
        env={"PYTHONPATH": str(REPOSITORY / "workflow/lib"), "COLUMNS": "500"},
        text=True,
        capture_output=True,
    )


def test_modules_without_the_function_are_no_entries():
    names = table.TABLES.summaries()
    assert {"circuit", "claims", "paper_comparison", "training"} <= names.keys()
    assert not {"markdown", "paper", "ranks", "__init__"} & names.keys()
    assert all(names.values())
    assert table.TABLES.module("circuit") == "genir.tables.circuit"


@pytest.mark.parametrize("name", ["markdown", "nothing", "../circuit", "", "os.path"])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(
        AnalysisError, match=f"no table '{name}'; write one of as_released, attribution"
    ):
        table.TABLES.module(name)


def test_nothing_is_imported_to_be_found():
    program = (
        "import sys; from genir.base.entries import Entries\n"
        "Entries('figure', 'draw', ('figures',)).summaries()\n"
        "print([name for name in sys.modules if 'figures' in name or name == 'matplotlib'])"
    )
    environment = {"PYTHONPATH": str(REPOSITORY / "workflow/lib")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, text=True, capture_output=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_imports_no_entry_by_itself(driver):
    """Else an edit of one would count as code of all."""
    entries: Entries = DRIVERS[driver]
    modules = [entries.module(name) for name in entries.summaries()]
    program = f"import sys, {driver}; print([m for m in {modules!r} if m in sys.modules])"
    path = f"{REPOSITORY}/workflow/lib:{SCRIPTS}"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env={"PYTHONPATH": path}, text=True, capture_output=True)
    assert done.stdout == "[]\n", done.stderr


def test_help_lists_all_names():
    for driver, entries in DRIVERS.items():
        said = call(driver, "--help").stdout
        for name, summary in entries.summaries().items():
            assert f"  {name} " in said
            assert summary in said


@pytest.mark.parametrize(
    ("driver", "name"),
    [("table", "failed_queries"), ("table", "communication"), ("table", "seeds")],
)
def test_help_explains_every_argument(driver, name):
    said = call(driver, name, "--help").stdout
    module = __import__(f"genir.{driver}s.{name}", fromlist=[name])
    for argument in {*signature(module.make).parameters, "manifests", "table", "text"}:
        # What has parts is explained above them.
        above, parts, _ = said.partition(f"  --{argument} CONFIG")
        alone = said.rpartition(f"  --{argument} ")[2].partition("(required")[0]
        explained = above.rpartition("\n\n")[2] if parts else alone
        assert len(explained.split()) > 3, (argument, said)


def test_every_shared_argument_and_every_own_one_is_explained():
    """Without a process for each: `Args:` of the function, or what its driver says for all."""
    for name in table.TABLES.summaries():
        make = __import__(table.TABLES.module(name), fromlist=[name]).make
        for argument in signature(make).parameters:
            assert f"    {argument}: " in make.__doc__ or argument in table.SHARED, (name, argument)


def test_analyses_are_those_that_analyse_runs_and_explain_their_arguments():
    names = analyse.ANALYSES.summaries().keys()
    asked = (a.module.rpartition(".")[2] for a in artifacts.ANALYSES if a.driver == "analyse")
    assert names == set(asked)
    given = {"subject", "model", *analyse.STAGES}
    for name in names:
        function = getattr(__import__(analyse.ANALYSES.module(name), fromlist=[name]), name)
        for argument in signature(function).parameters.keys() - given:
            said = f"    {argument}: " in function.__doc__ or argument in analyse.SHARED
            assert said, (name, argument)


def test_an_optional_argument_is_there_where_the_entry_has_it():
    assert "--stages" in call("figure", "contributions", "--help").stdout
    assert "--stages" not in call("figure", "training", "--help").stdout
    done = call("figure", "training", "--stages", "{}")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_errors_are_one_line(tmp_path):
    done = call("table", "nothing")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(
        "AnalysisError: there is no table 'nothing'; write one of as_released, attribution"
    )
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "curve.csv").write_text(
        "step,loss,indexing_loss,retrieval_loss,learning_rate,docid_learning_rate\n1,1,1,1,1,1\n"
    )
    files = f'[{{"model": "full", "path": "{tmp_path}/curve.csv"}}]'
    written = ["--table", tmp_path / "t.csv", "--text", tmp_path / "t.md"]
    written += ["--page", tmp_path / "t.html", "--caption", REPOSITORY / "README.md"]
    done = call(
        "table",
        "training",
        "--files",
        files,
        "--manifests",
        f'["{tmp_path}/manifest.json"]',
        *written,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"AnalysisError: {tmp_path}/manifest.json lacks corpus")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "t.csv").exists()
