"""The benchmark command, on its tiny shape: same ranks as plain hooks, and the promised keys."""

import json
import subprocess
import sys

import pandas as pd
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


def test_the_stage_rule_is_simulated_by_truth_and_depth(tmp_path):
    options = ["--n", "12", "--depths", "8", "16", "--draws", "99", "--out", tmp_path / "rule.csv"]
    command = [sys.executable, "benchmarks/stage_rule.py", *options]
    done = subprocess.run(command, cwd=REPOSITORY, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = pd.read_csv(tmp_path / "rule.csv").set_index(["truth", "layers"])
    assert len(rows) == len(rows.index.unique()) == 2 * 21
    assert set(rows.loc[rows["stages"], "n"]) == {4}
    assert set(rows.loc[~rows["stages"], "n"]) == {12}
    assert (rows["found_low"] <= rows["found"]).all()
    assert rows.loc[("three stages, 6 sd", 16), "found"] > 0.5
    assert rows.loc[~rows["stages"], "found"].mean() < 0.1
    recorded = pd.read_csv(REPOSITORY / "benchmarks/results/stage_rule.csv")
    assert set(recorded["truth"]) == set(rows.index.get_level_values("truth"))
