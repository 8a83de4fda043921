"""The worked example of CONTRIBUTING.md, carried out in a copy of the repository."""

import re
import shutil

import pandas as pd
from conftest import REPOSITORY

EXAMPLE = (REPOSITORY / "CONTRIBUTING.md").read_text().partition("## Adding an analysis")[2]
LIBRARY = "workflow/lib/genir"
ARTIFACTS = f"{LIBRARY}/run/artifacts.py"


def _blocks() -> list[str]:
    return re.findall(r"```(?:python|txt)\n(.*?)```", EXAMPLE, re.DOTALL)


def _copy(folder):
    for name in ("workflow", "config", "envs", "resources"):
        ignored = shutil.ignore_patterns("__pycache__", ".snakemake")
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)
    return folder


def test_the_worked_example_makes_a_table_and_a_figure(snakemake, tiny_run, tmp_path):
    repository, run = _copy(tmp_path / "repository"), tmp_path / "run"
    analysis, table, figure, *entries = _blocks()
    for folder, module in zip(
        ("analyses", "tables", "figures"), (analysis, table, figure), strict=True
    ):
        (repository / LIBRARY / folder / "stream_norms.py").write_text(module)
    registry = (repository / ARTIFACTS).read_text()
    for name, entry in zip(("ANALYSES", "TABLES"), entries, strict=True):
        assert registry.count(f"\n{name} = (\n") == 1
        registry = registry.replace(f"\n{name} = (\n", f"\n{name} = (\n{entry}")
    (repository / ARTIFACTS).write_text(registry)
    (repository / "workflow/report/table_stream_norms.rst").write_text("How long it is.\n")
    shutil.copytree(tiny_run, run, symlinks=True)

    wanted = [f"results/{kind}_stream_norms/stream_norms.{end}"
              for kind, end in (("table", "csv"), ("figure", "svg"))]  # fmt: skip
    done = snakemake(
        *(run, "--snakefile", repository / "workflow/Snakefile"),
        *("--configfile", repository / "config/tiny.yaml"),
        *("--rerun-triggers", "mtime", "--", *wanted),
    )
    assert done.returncode == 0, done.stdout[-4000:]
    lengths = pd.read_csv(run / wanted[0])
    assert set(lengths["model"]) == {"full", "random_start"}
    assert (lengths["value"] > 0).all()
    assert (run / wanted[1]).stat().st_size > 1000
    assert len(re.findall(r"done: \S*stream_norms", done.stdout)) >= 3
