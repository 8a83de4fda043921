"""The benchmark command, on its tiny shape: same ranks as plain hooks, and the promised keys."""

import json
import subprocess
import sys

from conftest import REPOSITORY


def test_the_engine_benchmark_writes_what_it_promises(tmp_path):
    command = [
        sys.executable,
        "benchmarks/engine.py",
        "--quick",
        "--rounds",
        "1",
        "--out",
        tmp_path,
    ]
    done = subprocess.run(command, cwd=REPOSITORY, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "all ranks are those of plain hooks" in done.stderr
    result = json.loads((tmp_path / "engine.json").read_text())
    assert result["ratio_to_batched_hooks"]["tiny"] > 0
    assert 0 < result["share_of_gemm_time"] <= 1
    assert result["bf16"]["random_relevant"]["ranks_identical"]
    for key in ("ratios", "peak_memory_mib", "machine", "versions", "scale", "missing_peers"):
        assert key in result
    for name in ("engine.md", "scaling.csv", "scaling.png", "scaling.svg"):
        assert (tmp_path / name).stat().st_size > 0
