"""A SLURM cluster of one machine: two partitions, two pretended GPUs, no accounting, no systemd.

All it writes is in one folder, and all it starts it stops. What Debian's packages bring stays
installed.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("slurm-wlm", "munge")
DAEMONS = ("munged", "slurmctld", "slurmd", "slurmdbd")
POLICY = Path("/usr/sbin/policy-rc.d")

CONFIGURATION = """\
ClusterName=genir
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=3600
KillWait=2
GresTypes=gpu
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000 Gres=gpu:2 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={host} MaxTime=INFINITE State=UP
"""


class UnavailableError(Exception):
    """Why no cluster can be started here."""


@dataclass(frozen=True)
class Job:
    """A job as squeue shows it; the comment names its rule or group."""

    id: int
    comment: str
    state: str
    partition: str
    memory: str
    gres: str
    minutes: str


def jobs() -> list[Job]:
    """All jobs since the cluster was started, in order."""
    columns = "%i|%k|%T|%P|%m|%b|%l"
    shown = _output("squeue", "--noheader", "--states=all", "--sort=i", f"--format={columns}")
    rows = [line.split("|") for line in shown.splitlines()]
    return [Job(int(row[0]), *row[1:]) for row in rows]


def processes(job: Job, word: str) -> list[int]:
    """Processes of a job with `word` in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes().split(b"\0")
            if word.encode() in command and f"SLURM_JOB_ID={job.id}".encode() in environment:
                found.append(int(folder.name))
    return found


@contextlib.contextmanager
def cluster() -> Iterator[Path]:
    """Starts a cluster and sets SLURM_CONF; gives the folder of its files.

    Raises UnavailableError where that needs more than is here or would touch a SLURM of others.
    """
    _check()
    _install()
    with tempfile.TemporaryDirectory(prefix="genir-slurm-", dir="/run") as name:
        folder = Path(name)
        _configure(folder)
        with contextlib.ExitStack() as daemons:
            keys = [
                f"--{file}-file={folder}/munge.{file}" for file in ("key", "pid", "log", "seed")
            ]
            munged = ["munged", "--foreground", f"--socket={folder}/munge.socket", *keys]
            _start(daemons, munged, folder, _answers("munge", "-n", "-S", f"{folder}/munge.socket"))
            _start(daemons, ["slurmctld", "-D"], folder, _answers("scontrol", "ping"))
            _start(daemons, ["slurmd", "-D"], folder, _is_idle)
            daemons.callback(_cancel_all)
            yield folder


def _check() -> None:
    if not Path("/etc/debian_version").exists():
        raise UnavailableError("this is not Debian, whose packages of SLURM are used")
    if os.geteuid() != 0:
        raise UnavailableError("only root can install and start SLURM")
    configured = [
        path for path in ("/etc/slurm/slurm.conf", "/etc/slurm-llnl") if Path(path).exists()
    ]
    if configured or "SLURM_CONF" in os.environ:
        raise UnavailableError(
            f"a SLURM is configured already ({(configured or ['SLURM_CONF'])[0]})"
        )
    running = {
        path.read_text().strip() for path in Path("/proc").glob("[0-9]*/comm") if path.exists()
    }
    if running & set(DAEMONS):
        raise UnavailableError(f"{', '.join(sorted(running & set(DAEMONS)))} is running already")


def _install() -> None:
    """The packages, without letting them start anything."""
    if all(map(shutil.which, DAEMONS[:3])):
        return
    own_policy = not POLICY.exists()
    if own_policy:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        command = ["apt-get", "install", "-qq", "--no-install-recommends", *PACKAGES]
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for attempt in (command, ["apt-get", "update", "-qq"], command):
            done = subprocess.run(attempt, env=quiet, text=True, capture_output=True, check=False)
            if all(map(shutil.which, DAEMONS[:3])):
                return
        raise UnavailableError(
            f"apt-get cannot install {' and '.join(PACKAGES)}: {done.stderr.strip()}"
        )
    finally:
        if own_policy:
            POLICY.unlink()


def _configure(folder: Path) -> None:
    host = socket.gethostname().partition(".")[0]
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(host=host, ports=_free_ports(2), folder=folder, cpus=os.cpu_count())
    )
    (folder / "gres.conf").write_text(f"Name=gpu File={folder}/gpu[0-1]\n")
    for name in ("gpu0", "gpu1"):
        (folder / name).touch()
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    folder.chmod(0o755)
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    # Inside its jobs the executor takes every variable SLURM_* from srun, also SLURM_CONF.
    srun = folder / "bin/srun"
    srun.parent.mkdir()
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {shutil.which("srun")} "$@"\n')
    srun.chmod(0o755)
    os.environ["PATH"] = os.pathsep.join([str(srun.parent), os.environ["PATH"]])


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as sockets:
        opened = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in opened:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in opened]


def _start(
    daemons: contextlib.ExitStack, command: list[str], folder: Path, ready: Callable[[], bool]
) -> None:
    log = folder / f"{command[0]}.out"
    with log.open("w") as output:
        daemon = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    daemons.callback(_stop, daemon)
    for _ in range(100):
        if ready():
            return
        if daemon.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"{command[0]} does not come up:\n{log.read_text()[-2000:]}")


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _answers(*command: str) -> Callable[[], bool]:
    return lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0


def _is_idle() -> bool:
    return _output("sinfo", "--noheader", "--format=%T").split()[:1] == ["idle"]


def _cancel_all() -> None:
    with contextlib.suppress(subprocess.CalledProcessError):
        for _ in range(100):
            live = [
                str(job.id) for job in jobs() if job.state in ("PENDING", "RUNNING", "COMPLETING")
            ]
            if not live:
                return
            subprocess.run(["scancel", *live], check=False)
            time.sleep(0.2)


def _output(*command: str) -> str:
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout
