"""launch.py starts a training script as it is, or several times."""

import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from tiny_training import FINETUNING, training_files, write_inputs
from workflow_sources import REPOSITORY

from genir.files.io import read_json
from genir.models.start import Start
from genir.training.finetuned_model import make_finetuned_model
from genir.training.outputs import FinetuningOutputs

LAUNCH = REPOSITORY / "workflow/scripts/launch.py"
FINETUNE = LAUNCH.with_name("finetune.py")
SETTINGS = replace(FINETUNING, accumulation=2)
# finetune.py whose second process dies after five steps.
DYING = f"""
import os, runpy, signal
from genir.base.progress import Progress

def update(self, done, note=""):
    if os.environ["RANK"] == "1" and done == 5:
        os.kill(os.getpid(), signal.SIGKILL)

Progress.update = update
runpy.run_path({str(FINETUNE)!r}, run_name="__main__")
"""
# What torch says where the first node left with the store before the second had its answer.
EXIT_BARRIER = re.compile(
    r"\[W.* TCPStore\.cpp|Exception raised from recvBytes|frame #|<omitting python frames>|$"
    r"|E.* torch/distributed/elastic/agent/server/api\.py"
)
SHOW = "import json, os, sys; print(json.dumps([sys.argv, dict(os.environ)]))"


def _environment(**more):
    library = f"{REPOSITORY}/workflow/lib{os.pathsep}{REPOSITORY}/workflow/scripts"
    own = {"PYTHONPATH": library, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")} | own | more


def _start(*arguments, **environment):
    return subprocess.Popen(
        [str(part) for part in (sys.executable, LAUNCH, *arguments)],
        env=_environment(**environment),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _arguments(inputs, out):
    """What finetune.py takes."""
    start = {"type": "folder", "path": str(inputs / "start")}
    values = {f"data.{name}": path for name, path in training_files(inputs).paths().items()}
    values |= {"start": json.dumps(start), "settings": json.dumps(asdict(SETTINGS))}
    values |= {f"outputs.{name}": path for name, path in vars(_outputs(out)).items()}
    return [word for name, value in values.items() for word in (f"--{name}", value)]


def _outputs(out):
    names = ("model", "curve.csv", "run.json", "checkpoints")
    return FinetuningOutputs(*(out / name for name in names))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Inputs, the outputs of one process, and a run of two processes of which one was killed."""
    folder = tmp_path_factory.mktemp("launched")
    inputs = write_inputs(folder / "inputs")
    start = Start("folder", str(inputs / "start"))
    make_finetuned_model(training_files(inputs), start, SETTINGS, _outputs(folder / "one"))
    settings = folder / "home/accelerate/default_config.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text("distributed_type: no such\n")
    (folder / "dying.py").write_text(DYING)
    arguments = _arguments(inputs, folder / "two")
    killed = _start("--gpus", 2, folder / "dying.py", *arguments, HF_HOME=folder / "home")
    return folder, killed, killed.communicate(timeout=120)[0]


def test_a_killed_process_ends_the_training_with_a_message(trained):
    folder, killed, said = trained
    assert killed.returncode == 1
    assert said.splitlines()[-1] == "Process 1 of 2 failed (SIGKILL); what it said is above."
    assert "WARNING" not in said
    assert not (folder / "two/model").exists()


def test_the_training_goes_on_on_two_nodes_and_ends_as_in_one_process(trained):
    folder, _, _ = trained
    inputs, out = folder / "inputs", folder / "two"
    with socket.create_server(("", 0)) as free:
        main = f"127.0.0.1:{free.getsockname()[1]}"
    arguments = ["--nodes", 2, "--main", main, FINETUNE, *_arguments(inputs, out)]
    assert list((out / "checkpoints").glob("*.pt"))
    nodes = [_start(*arguments, SLURM_NODEID=str(rank)) for rank in (0, 1)]
    said = [node.communicate(timeout=120)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    assert "step 9/9" in said[0]
    assert [line for line in said[1].splitlines() if not EXIT_BARRIER.match(line)] == []
    for name in ("model/model.safetensors", "model/docids.json", "curve.csv"):
        assert (out / name).read_bytes() == (folder / "one" / name).read_bytes(), name
    one, two = (read_json(folder / name / "run.json") for name in ("one", "two"))
    assert two == one | {"processes": 2}
    assert not (out / "checkpoints").exists()


@pytest.mark.parametrize("asked", [[], ["--gpus", 0], ["--gpus", 1, "--nodes", 1]])
def test_one_process_is_the_script_itself(tmp_path, asked):
    (tmp_path / "show.py").write_text(SHOW)
    shown = _start(*asked, tmp_path / "show.py", "--gpus", "x", "--data={}")
    (arguments, environment) = json.loads(shown.communicate()[0])
    assert arguments == [str(tmp_path / "show.py"), "--gpus", "x", "--data={}"]
    assert "WORLD_SIZE" not in environment


def test_on_slurm_every_node_gets_the_same_command(tmp_path):
    srun = tmp_path / "srun"
    srun.write_text(f"#!{sys.executable}\n{SHOW}\n")
    srun.chmod(0o755)
    variables = {"SLURM_JOB_ID": "7", "SLURM_NNODES": "1", "SLURM_CPUS_PER_TASK": "4"}
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    shown = _start("--gpus", 4, "--nodes", 2, "train.py", "--start={}", PATH=path, **variables)
    (arguments, environment) = json.loads(shown.communicate()[0])
    assert {"--nodes=2", "--ntasks=2", "--cpus-per-task=4", "--overlap"} <= set(arguments)
    assert arguments[-6:] == ["--gpus", "4", "--nodes", "2", "train.py", "--start={}"]
    host, port = arguments[arguments.index("--main") + 1].split(":")
    assert (host, int(port) > 0) == (socket.gethostname(), True)
    assert {name for name in environment if name.startswith("SLURM_")} == {"SLURM_JOB_ID"}


def test_several_nodes_need_slurm():
    refused = _start("--nodes", 2, "train.py")
    assert refused.communicate()[0] == (
        "TrainingError: nodes is 2 outside of a SLURM job; leave it at 1\n"
    )
    assert refused.returncode == 1
