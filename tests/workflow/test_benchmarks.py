"""The benchmark commands, on their tiny shape: same ranks as plain hooks, and the promised keys."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY

PARTS = ["tests", "agreement", "engine", "training", "large"]


@pytest.fixture
def measure(monkeypatch):
    """Makes the benchmarks' own modules importable."""
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")


def _gpu(out, *options):
    command = [sys.executable, "benchmarks/gpu.py", "--out", out, *options]
    return subprocess.run(command, cwd=REPOSITORY, text=True, capture_output=True)


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


def test_the_gpu_benchmark_runs_whole_on_a_cpu(tmp_path):
    # Its parts take seconds; a machine that is busy must not stop them.
    options = ("--device", "cpu", "--shape", "tiny", "--minutes", "60")
    done = _gpu(tmp_path / "gpu.json", *options)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads((tmp_path / "gpu.json").read_text())
    assert result["held"]
    assert list(result["parts"]) == PARTS
    assert not [name for name in result["left_out"] if name in PARTS]
    pieces = {name: part["pieces"] for name, part in result["parts"].items()}
    assert pieces["tests"]["marked_cuda"]["passed"] > 0
    for piece in pieces["agreement"].values():
        assert piece["equal_ranks"] == piece["ranks"] > 500
    assert pieces["engine"]["tiny"]["ratio_to_batched_hooks"]["low"] > 0
    assert pieces["training"]["finetuning, tiny, float32"]["steps_per_second"]["rounds"] == 3
    assert pieces["training"]["pretraining, tiny, float32"]["peak_memory_mib"] > 0
    assert pieces["large"]["sweep, random_relevant, bfloat16"]["ranks_unlike_float32"] == 0
    assert pieces["large"]["lens"]["seconds_of_the_lens"] > 0


def test_the_gpu_benchmark_says_what_there_was_no_time_for(tmp_path):
    options = ("--device", "cpu", "--shape", "tiny", "--minutes", "0.1")
    done = _gpu(tmp_path / "gpu.json", *options)
    assert done.returncode == 1
    result = json.loads((tmp_path / "gpu.json").read_text())
    assert result["parts"] == {}
    assert list(result["left_out"]) == PARTS
    assert result["left_out"]["tests"].endswith("of 6 seconds were left")


def test_the_gpu_benchmark_replaces_no_result_that_was_measured_on_a_gpu():
    command = [sys.executable, "benchmarks/gpu.py", "--device", "cpu", "--shape", "tiny"]
    done = subprocess.run(command, cwd=REPOSITORY, text=True, capture_output=True)
    assert done.returncode == 2
    assert "--out of their own" in done.stderr


def test_missing_packages_are_named_at_once(monkeypatch):
    spec = importlib.util.spec_from_file_location("gpu", REPOSITORY / "benchmarks/gpu.py")
    gpu = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gpu)
    gone = {"pandas", "yaml"}
    monkeypatch.setattr(gpu, "find_spec", lambda name: None if name in gone else name)
    with pytest.raises(SystemExit, match=r"pandas, pyyaml; install them \(pip install"):
        gpu.check_packages()


BROKEN_PART = """
import sys, time
def put(line):
    print(line, file=open(sys.argv[1], "a"), flush=True)
put('{"pieces": {"done": {"rate": 2.0}}}')
put('{"errors": {"wrong": "ValueError: no such thing"}}')
print('{"pieces": {"half', end="", file=open(sys.argv[1], "a"), flush=True)
time.sleep(60)
"""


@pytest.mark.usefixtures("measure")
def test_a_part_that_hangs_is_stopped_and_what_it_did_is_kept():
    from measure.parts import run_part

    found = run_part([sys.executable, "-c", BROKEN_PART], 2)
    assert found["pieces"] == {"done": {"rate": 2.0}}
    assert found["errors"] == {"wrong": "ValueError: no such thing"}
    assert found["stopped"] == "not done after 2 seconds"
    assert not found["held"]
    assert found["seconds"] < 30


@pytest.mark.usefixtures("measure")
def test_the_next_part_runs_after_one_that_broke():
    from measure.parts import run_parts

    kept = []
    script = BROKEN_PART.replace("time.sleep(60)", "sys.exit(3)").replace("sys.argv[1]", "file")
    script = "import sys\nname, file = sys.argv[1:3]\nsys.argv = sys.argv[:1]\n" + script
    command = [sys.executable, "-c", script]
    report = run_parts({"one": 60, "two": 60}, command, 120, lambda found: kept.append(dict(found)))
    assert list(report["parts"]) == ["one", "two"]
    assert len(kept) == 2
    assert report["parts"]["two"]["stopped"].startswith("the process ended with status 3")
    assert not report["held"]


@pytest.mark.usefixtures("measure")
def test_a_failed_piece_is_recorded_and_the_next_one_goes_on(tmp_path):
    import torch
    from measure.parts import NotPossibleError, write_pieces

    def no_memory():
        raise torch.OutOfMemoryError("CUDA out of memory")

    def other_rank():
        raise SystemExit("the engine ranks otherwise")

    def not_here():
        raise NotPossibleError("not here")

    works = {"a": no_memory, "b": other_rank, "c": not_here, "d": lambda: {"held": False}}
    works |= {"e": lambda: {"last_loss": float("nan")}}
    write_pieces(works.items(), tmp_path / "pieces", torch.device("cpu"))
    lines = [json.loads(line) for line in (tmp_path / "pieces").read_text().splitlines()]
    kinds = ["errors", "errors", "left_out", "pieces", "errors"]
    assert [list(line) for line in lines] == [[kind] for kind in kinds]
    assert lines[0]["errors"]["a"] == "OutOfMemoryError: CUDA out of memory"
    assert lines[3]["pieces"]["d"]["held"] is False
    assert "'last_loss': nan" in lines[4]["errors"]["e"]


@pytest.mark.usefixtures("measure")
def test_a_rank_that_differs_is_told_with_its_gap():
    """Of a neighbour the gap is the distance of two logits; ranks far apart do not hold."""
    import torch
    from measure.gpu_agreement import Models, agreement, differing_rank

    models = Models("tiny")
    cpu, other = models.on_cpu, models.on(torch.device("cpu"), "float32")
    assert agreement(models, torch.device("cpu"), "bfloat16")["held"]
    for number in (0, len(cpu.patches) - 1, len(cpu.patches) + 2):
        rank = int(cpu.ranks["vocabulary_rank"][number, 3])
        logits = np.sort(cpu.logits(number, 3).numpy())[::-1]
        moved = rank + 1 if rank < len(logits) else rank - 1
        other.ranks["vocabulary_rank"][number, 3] = moved
        found = differing_rank(cpu, other, "vocabulary_rank", number, 3)
        assert (found["cpu"], found["device"]) == (rank, moved)
        assert found["gap"] == pytest.approx(abs(logits[moved - 1] - logits[rank - 1]), rel=1e-3)


@pytest.mark.usefixtures("measure")
def test_other_ranks_do_not_hold(monkeypatch):
    import torch
    from measure.gpu_agreement import Models, agreement

    models, on = Models("tiny"), Models.on

    def wrong(self, device, precision):
        side = on(self, device, precision)
        side.ranks["vocabulary_rank"][0] = 61 - side.ranks["vocabulary_rank"][0] % 60
        return side

    assert models.on_cpu
    monkeypatch.setattr(Models, "on", wrong)
    found = agreement(models, torch.device("cpu"), "float32")
    assert not found["held"]
    assert found["equal_ranks"] < found["ranks"]
    assert found["differing"][0]["gap"] > 0


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


def test_trained_parts_are_measured_as_the_configuration_compares_them(measure):
    from selective import PARTS, Trainer

    models = yaml.safe_load((REPOSITORY / "config/selective.yaml").read_text())["models"]
    named = {name: entry["finetuning"]["trainable"] for name, entry in models.items() if entry}
    assert named == PARTS
    trainer = Trainer("tiny", 4)
    sizes = {name: trainer.sizes(name) for name in PARTS}
    rows = len(trainer.model.shared.weight) - trainer.first
    width = trainer.model.config.d_model
    assert sizes["docids"]["gradients"] == rows * width * 4 / 2**20
    assert sizes["docids"]["state"] == (1 + rows + width) * 4 / 2**20
    for what in ("kept", "gradients", "state"):
        assert sizes["docids"][what] < sizes["stage_three"][what] < sizes["whole"][what]
    recorded = json.loads((REPOSITORY / "benchmarks/results/selective.json").read_text())
    assert recorded["parts"] == PARTS


@pytest.mark.usefixtures("measure")
def test_edges_are_timed_beside_hooks_that_agree():
    from edges import PEERS, WALL, Task, in_turn

    task = Task("tiny", 8, 4000)
    times, apart = in_turn(task, 1, [0, 20, 37, 54])
    assert list(times) == [WALL, "engine", *PEERS]
    assert min(taken for of in times.values() for (taken,) in of.values()) > 0
    assert apart < 1e-5
    right = task.engine
    task.engine = lambda method: right(method).assign(difference=lambda t: t["difference"] + 0.01)
    with pytest.raises(SystemExit, match="of the largest from the hooks'"):
        in_turn(task, 1, [37])
    recorded = json.loads((REPOSITORY / "benchmarks/results/edges.json").read_text())
    assert (recorded["edges"], recorded["queries"]) == (703, 64)
    assert recorded["ratios"].keys() == PEERS.keys()


def test_the_circuit_is_timed_beside_the_whole_model(measure):
    import circuit

    found = circuit.report("tiny", 1)
    for part in circuit.PARTS.values():
        assert found[part].keys() == {"1", "64"}
        assert found[part]["64"]["low"] > 0
    assert found["components"] == {"whole": 8, "circuit": 3}
    assert found["decoder_mib"]["circuit"] < found["decoder_mib"]["whole"] / 2
    size = circuit.sized("t5-large-132k")
    places = {
        way: [p for p in circuit.all_places(24) if p not in size.cut(way)] for way in circuit.WAYS
    }
    assert {way: len(some) for way, some in places.items()} == {"whole": 72, "circuit": 23}
    estimate = circuit.estimate(size.architecture, 100_000, 1, 14, places)
    weights = {"whole": 24 * (1 + 4 + 8), "circuit": 17 * 4 + 6 * 8}
    for way, squares in weights.items():
        states = 2 * 14 * 1024 * sum(name == "cross_attention" for _, name in places[way])
        assert estimate[way]["decoder"]["bytes"] == 4 * (squares * 1024**2 + states)
    assert 2.6 < estimate["ratio_decoder"] < 2.7


def test_the_recorded_circuit_is_what_the_benchmark_writes(measure):
    import circuit

    recorded = json.loads((REPOSITORY / "benchmarks/results/circuit.json").read_text())
    assert "t5-large-132k" in recorded["ratio_decoder"]
    assert recorded["components"]["t5-large-132k"]["circuit"] == 23
    assert set(circuit.PARTS.values()) < set(recorded)
