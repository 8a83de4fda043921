"""What `--sdm conda` makes of the environments, with a stand-in for conda and with a real one."""

import filecmp
import re
import shutil
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

TINY = REPOSITORY / "config/tiny.yaml"
# It makes an environment whose python is the one that the tests run in, and notes what it was
# started with.
STAND_IN = """#!/bin/sh
here=$(dirname "$0")
case "$*" in
    "info --json") echo '{"conda_prefix": "PREFIX", "platform": "linux-64"}' ;;
    --version) echo "conda 24.7.1" ;;
    "clean "*) ;;
    "config --get channel_priority --json") echo '{"get": {"channel_priority": "strict"}}' ;;
    "env create"*)
        for prefix in "$@"; do :; done
        mkdir -p "$prefix/bin"
        printf '#!/bin/sh\\nexec "%s" "$@"\\n' "PYTHON" > "$prefix/bin/python"
        chmod +x "$prefix/bin/python"
        echo "path=$PYTHONPATH no user site=$PYTHONNOUSERSITE" >> "$here/started.txt" ;;
    *) echo "no conda: $*" >&2; exit 1 ;;
esac
"""
ACTIVATE = 'PATH="$1/bin:$PATH"; echo "$1" >> "PREFIX/activated.txt"\n'


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.conda)])
def conda(request, tmp_path, monkeypatch) -> Path | None:
    """A conda on the path; the folder of one that only stands in."""
    if request.param == "real":
        assert shutil.which("conda"), "no conda on the path"
        return None
    prefix = tmp_path / "conda"
    (prefix / "bin").mkdir(parents=True)
    for name, text in (("conda", STAND_IN), ("activate", ACTIVATE)):
        text = text.replace("PREFIX", str(prefix)).replace("PYTHON", sys.executable, 1)
        (prefix / "bin" / name).write_text(text)
        (prefix / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(prefix / "bin"), prepend=":")
    return prefix


@pytest.mark.usefixtures("conda")
@pytest.mark.parametrize(
    ("torch", "files"),
    [
        ("cpu", {"data", "train-cpu", "analysis-cpu", "plot"}),
        ("gpu", {"data", "train", "analysis", "plot"}),
    ],
)
def test_conda_gets_the_build_of_torch_that_the_config_says(snakemake, tmp_path, torch, files):
    wanted = ["--sdm", "conda", "--list-conda-envs", "--config", f"torch={torch}"]
    done = snakemake(tmp_path, *wanted)
    assert done.returncode == 0, done.stdout[-3000:]
    assert set(re.findall(r"envs/([\w-]+)\.yaml", done.stdout)) == files


def _same(made: Path, expected: Path) -> list[str]:
    """Files of `expected`, each of which is byte for byte in `made`."""
    names = [str(path.relative_to(expected)) for path in expected.rglob("*") if path.is_file()]
    different = [n for n in names if not filecmp.cmp(made / n, expected / n, shallow=False)]
    assert different == []
    return names


def test_environments_make_the_bytes_that_are_made_without(
    conda, snakemake, tiny_run, tmp_path, monkeypatch
):
    """The corpus, and one figure of its table; nothing leaks into the environments."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "nowhere"))
    own = ["--sdm", "conda", "--conda-prefix", tmp_path / "environments", "--configfile", TINY]
    corpus, drawn = tmp_path / "corpus", tmp_path / "drawn"
    done = snakemake(corpus, *own, "--", "corpus")
    assert done.returncode == 0, done.stdout[-3000:]
    shutil.copytree(tiny_run, drawn, symlinks=True)
    shutil.rmtree(drawn / "results/figure_retrieval")
    done = snakemake(drawn, *own, "--", "results/figure_retrieval/retrieval.svg")
    assert done.returncode == 0, done.stdout[-3000:]
    for rule, folder in (("export_corpus", corpus), ("subset_corpus", corpus)):
        assert _same(folder / "results" / rule, tiny_run / "results" / rule)
    assert _same(drawn / "results/figure_retrieval", tiny_run / "results/figure_retrieval")
    again = snakemake(drawn, "-n", "--configfile", TINY)
    assert "Nothing to be done" in again.stdout, again.stdout[-3000:]
    if conda is not None:
        assert set((conda / "bin/started.txt").read_text().splitlines()) == {"path= no user site=1"}
        # Two jobs of the corpus and one figure, each in the environment of its rule.
        assert len((conda / "activated.txt").read_text().splitlines()) == 3


def test_without_conda_the_build_of_torch_reruns_nothing(snakemake, tiny_run):
    done = snakemake(tiny_run, "-n", "--configfile", TINY, "--config", "torch=gpu")
    assert "Nothing to be done" in done.stdout, done.stdout[-3000:]
