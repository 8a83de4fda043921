"""Run a training script as it is, or through accelerate in one process per GPU."""

import argparse
import os
import socket
import sys
from pathlib import Path

SETTINGS = Path(__file__).with_suffix(".yaml")


def main() -> None:
    """Does not return where another program takes the place of this one."""
    asked = _parser().parse_args()
    here, script = max(1, asked.gpus), [asked.script, *asked.arguments]
    if here * asked.nodes == 1:
        os.execv(sys.executable, [sys.executable, *script])  # noqa: S606
    if asked.nodes > 1 and asked.main is None:
        _start_on_all_nodes(asked.gpus, asked.nodes, script)
    _accelerate(here, asked.nodes, asked.main or "127.0.0.1:0", script)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpus", type=int, default=1, help="GPUs of a node, for one process each")
    parser.add_argument("--nodes", type=int, default=1, help="nodes of the SLURM job this runs in")
    parser.add_argument("--main", metavar="HOST:PORT", help="of the first node, told to all nodes")
    parser.add_argument("script", help="the training script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what it takes")
    return parser


def _start_on_all_nodes(gpus: int, nodes: int, script: list[str]) -> None:
    """One more of this program on every node, this one included."""
    if "SLURM_JOB_ID" not in os.environ:
        sys.exit(f"TrainingError: nodes is {nodes} outside of a SLURM job; leave it at 1")
    with socket.create_server(("", 0)) as free:
        main = f"{socket.gethostname()}:{free.getsockname()[1]}"
    srun = ["srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--overlap"]
    srun += [f"--cpus-per-task={os.environ.get('SLURM_CPUS_PER_TASK', max(1, gpus))}"]
    srun += ["--kill-on-bad-exit=1", sys.executable, __file__, "--main", main]
    srun += ["--gpus", str(gpus), "--nodes", str(nodes), *script]
    # Those of the step that this runs in, on one node, would count for the new one.
    kept = ("SLURM_JOB_ID", "SLURM_CONF")
    outside = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_") or k in kept}
    os.execvpe("srun", srun, outside)  # noqa: S606, S607


def _accelerate(here: int, nodes: int, main: str, script: list[str]) -> None:
    """`accelerate launch` with everything said, and one line where a process fails."""
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    host, port = main.rsplit(":", 1)
    options = {
        "config_file": SETTINGS,
        "num_processes": here * nodes,
        "num_machines": nodes,
        "machine_rank": os.environ["SLURM_NODEID"] if nodes > 1 else 0,
        "main_process_ip": host,
        "main_process_port": port,
        "num_cpu_threads_per_process": max(1, int(os.environ.get("OMP_NUM_THREADS", 1)) // here),
        "mixed_precision": "no",
        "dynamo_backend": "no",
    }
    if nodes == 1 and "lo" in dict(map(reversed, socket.if_nameindex())):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    try:
        launch_command(launch_command_parser().parse_args([*words, *script]))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        how = failure.signal_name() if failure.exitcode < 0 else f"exit code {failure.exitcode}"
        sys.exit(f"Process {rank} of {here * nodes} failed ({how}); what it said is above.")


if __name__ == "__main__":
    main()
