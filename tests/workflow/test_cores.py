"""The default profile gives all cores, unless the command line says how many."""

import pytest
from conftest import REPOSITORY
from snakemake.utils import available_cpu_count

SNAKEFILE = """
rule two:
    output: "said.txt"
    threads: 2
    shell: "echo {threads} $OMP_NUM_THREADS > {output}"
"""


@pytest.mark.parametrize(
    ("words", "cores"),
    [
        ([], available_cpu_count()),
        (["-j", "1"], 1),
        (["-j1"], 1),
        (["--jobs", "1"], 1),
        (["-c", "1"], 1),
        (["--cores", "1"], 1),
        (["--cores", "1", "-j", "2"], 1),
    ],
)
def test_a_job_gets_no_more_cores_than_asked_for(snakemake, tmp_path, words, cores):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    profile = REPOSITORY / "workflow/profiles/default"
    own = ["--snakefile", tmp_path / "Snakefile", "--workflow-profile", profile]
    done = snakemake(tmp_path, *own, *words)
    assert done.returncode == 0, done.stdout[-3000:]
    threads = min(2, cores)
    assert (tmp_path / "said.txt").read_text().split() == [str(threads)] * 2
    assert f"Provided cores: {cores}" in done.stdout
