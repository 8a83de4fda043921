"""The tiny workflow in a folder of its own, which faults can be done to."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
START = "resources/mini-t5"
# config/tiny.yaml with one model, which starts from a copy that can be damaged.
OVERLAY = "models:\n  random_start:\n  full: {start: {path: mini-t5}}\n"
MINUTE = 60
# Of messages what differs from run to run.
VARYING = {
    r"^\d\d:\d\d:\d\d ": "",
    r" \(\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}\)": "",
    r"\b[0-9a-f]{8,}\b": "<key>",
    r"\bstate\.\d+/": "state/",
    r"unexpected pos \d+ vs \d+": "unexpected pos",
}


class Trial:
    """A folder that Snakemake runs in; what it says is in `said` until the next run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.results = folder / "trial", folder / "trial/results"
        self.output = folder / "snakemake.out"
        self.overlay = folder / "one_model.yaml"
        self.overlay.write_text(OVERLAY)
        self.started: list[subprocess.Popen[bytes]] = []

    def start(
        self,
        *arguments: str,
        prefix: tuple[str, ...] = (),
        output: Path | None = None,
        **environment: str,
    ) -> subprocess.Popen[bytes]:
        """Snakemake in a process group of its own, as a terminal would start it."""
        tiny = REPOSITORY / "config/tiny.yaml"
        command = [*prefix, sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
        command += ["--directory", str(self.folder), "--configfile", str(tiny), str(self.overlay)]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        with (output or self.output).open("w") as stream:
            process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env=os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"} | environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                # Ignored in the background of a shell, and then by all that is started there.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        self.started.append(process)
        return process

    def run(self, *arguments: str, **options: str) -> int:
        return self.start(*arguments, **options).wait(20 * MINUTE)

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def line(self, words: str, log: str | None = None) -> str:
        """The first line said, or of a `log`, with these words, without what differs from run to
        run. Raises AssertionError if there is none."""
        lines = (self.said if log is None else log).splitlines()
        found = [line for line in lines if words in line]
        assert found, f"no message with {words!r}:\n{self.said}"
        return self._shown(found[0])

    def _shown(self, line: str) -> str:
        line = line.replace(str(self.folder), "<folder>").replace(str(REPOSITORY), "<repository>")
        for pattern, text in VARYING.items():
            line = re.sub(pattern, text, line)
        return " ".join(line.split())

    def jobs(self, rule: str) -> list[int]:
        """Processes of this folder that do a job of `rule`: its script, a driver that is told its
        name, or a training that writes into its folder."""
        marks = f"/{rule}.py ", f"/analyse.py {rule} ", f" --outputs.model results/{rule}/"
        return [n for n, command in self._processes() if any(mark in command for mark in marks)]

    def _processes(self) -> Iterator[tuple[int, str]]:
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                name = Path(command.partition(" ")[0]).name
                if (entry / "cwd").resolve() == self.folder and name.startswith("python"):
                    yield int(entry.name), command

    def wait_for_job(self, rule: str, snakemake: subprocess.Popen[bytes]) -> int:
        """The process of a job, once it runs."""
        return self.wait_for(lambda: self.jobs(rule), snakemake, f"{rule} did not run")[0]

    def wait_for_file(self, pattern: str, snakemake: subprocess.Popen[bytes]) -> Path:
        """A file below the folder, as soon as it is there."""
        found = self.wait_for(
            lambda: list(self.folder.glob(pattern)), snakemake, f"{pattern} was not written"
        )
        return found[0]

    def wait_for(
        self,
        seen: Callable[[], list],
        snakemake: subprocess.Popen[bytes],
        otherwise: str,
        pause: float = 0.002,
    ) -> list:
        end = time.monotonic() + 20 * MINUTE
        while time.monotonic() < end:
            if found := seen():
                return found
            if snakemake.poll() is not None:
                break
            time.sleep(pause)
        raise AssertionError(f"{otherwise}:\n{self.said[-4000:]}")

    def fails(self, snakemake: subprocess.Popen[bytes]) -> None:
        """Waits for its end. Raises AssertionError if it is said to be good."""
        assert snakemake.wait(20 * MINUTE) != 0, f"taken for a good run:\n{self.said}"

    def follow(self, message: str) -> list[str]:
        """Does what a message says to do before the next run; the steps."""
        steps = []
        for path in re.findall(r"delete results/(\S+)", message):
            self.delete(path)
            steps.append(f"delete results/{path}")
        if "--unlock" in message:
            assert self.run("--unlock") == 0, self.said
            steps.append("`snakemake --unlock`")
        for command in re.findall(r"run `(find [^`]*)`", message):
            real = command.replace("<folder>", str(self.folder))
            real = real.replace("<repository>", str(REPOSITORY))
            subprocess.run(shlex.split(real), check=True)
            steps.append(f"`{command}`")
        return steps

    def delete(self, *names: str) -> None:
        """Files and folders below results."""
        for name in names:
            path = self.results / name
            assert path.exists(), f"there is no {path} to delete"
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def stop(self) -> None:
        """Nothing that was started here is left running."""
        for process in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for number, _ in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


def copied(base: Path, folder: Path) -> Trial:
    """A trial that goes on from a finished or half-finished folder."""
    folder.mkdir(exist_ok=True)
    trial = Trial(folder)
    subprocess.run(["cp", "-a", str(base), str(trial.folder)], check=True)
    return trial
