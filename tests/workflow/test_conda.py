import shutil

import pytest


@pytest.mark.conda
def test_conda_lists_every_environment(snakemake, tmp_path):
    assert any(map(shutil.which, ("conda", "mamba", "micromamba"))), "no conda on the path"
    done = snakemake(tmp_path, "--sdm", "conda", "--list-conda-envs")
    assert done.returncode == 0, done.stdout[-3000:]
    for name in ("data", "train", "analysis", "plot"):
        assert f"envs/{name}.yaml" in done.stdout
