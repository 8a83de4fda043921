import os
from pathlib import Path

import pytest

from genir.base.paths import as_written, resolve


def test_paths_lie_in_the_repository_or_the_working_directory() -> None:
    repository, workdir = Path("/repository"), Path("/work")
    assert resolve("resources/mini-t5", repository, workdir) == repository / "resources/mini-t5"
    assert resolve("resources2/a", repository, workdir) == workdir / "resources2/a"
    assert resolve("/data/a", repository, workdir) == Path("/data/a")


@pytest.mark.parametrize("repository", ["/repository", "/home/clone", "/"])
@pytest.mark.parametrize("workdir", ["/work", "/repository/paper", "/repository"])
@pytest.mark.parametrize("path", ["resources/mini-t5", "mine/t5", "results/fetch/model/a", "/data"])
def test_a_resolved_path_is_named_as_the_config_writes_it(
    path: str, repository: str, workdir: str
) -> None:
    folders = Path(repository), Path(workdir)
    seen_from_workdir = Path(os.path.relpath(repository, workdir)), Path()
    for bases in (folders, seen_from_workdir):
        assert as_written(resolve(path, *bases), *folders) == path
    assert as_written("results/pretrain/model", *folders) == "results/pretrain/model"
