"""Does every fault to a copy of a run, follows the messages, runs again and compares."""

import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import damage
import full_disks
import kills
import rights
from disk import UnavailableError, small_disk
from fault import TRAINING, Fault
from run_comparison import differing_files
from trial import REPOSITORY, START, Trial

FAULTS = [*kills.FAULTS, *full_disks.FAULTS, *damage.FAULTS, *rights.FAULTS]
MEGABYTES = 200
# Of the two reduced models, what is there in a half done run.
KEPT = "results/retrieval_metrics/hpo-2k/full-rd1.csv"


@dataclass(frozen=True)
class Outcome:
    """A row of the table; `identical` says whether the next run ended as the undisturbed one."""

    fault: str
    seen: str
    message: str = "none"
    before_next: str = "nothing"
    identical: str = "no"
    details: str = ""

    @property
    def failed(self) -> bool:
        return self.identical == "no"


class Suite:
    """Everything is below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begun = {name: folder / name for name in ("half", "killed")}
        self.trials: list[Trial] = []

    def prepare(self) -> None:
        """An undisturbed run; half of it; the same with a training killed."""
        trial = self._trial(self.folder / "undisturbed")
        self.begun["done"] = trial.folder
        _copy(REPOSITORY / START, trial.folder / "mini-t5")
        for arguments in (["--omit-from", TRAINING], [KEPT]):
            assert trial.run("--cores", "2", *arguments) == 0, trial.said
        _copy(trial.folder, self.begun["half"])
        assert trial.run("--cores", "2") == 0, trial.said
        other = self._trial(self.folder / "other")
        _copy(self.begun["half"], other.folder)
        kills.kill_training(other)
        other.folder.rename(self.begun["killed"])

    def run(self, faults: list[Fault], tell: Callable[[Outcome], None]) -> list[Outcome]:
        """Two at a time; `tell` gets them in order."""
        outcomes = []
        with ThreadPoolExecutor(2) as pool:
            try:
                for outcome in pool.map(self._outcome, faults):
                    tell(outcome)
                    outcomes.append(outcome)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                self.stop()
        return outcomes

    def stop(self) -> None:
        for trial in self.trials:
            trial.stop()

    def _outcome(self, fault: Fault) -> Outcome:
        folder = self.folder / fault.name.replace("/", "").replace(" ", "_")
        try:
            with ExitStack() as stack:
                trial = self._trial(folder)
                if fault.disk:
                    stack.enter_context(small_disk(trial.folder, MEGABYTES))
                stack.callback(trial.stop)
                return self._tried(fault, trial)
        except UnavailableError as reason:
            return Outcome(fault.name, f"not tried, for want of {reason}", "", "", "not tried")
        except (AssertionError, OSError, subprocess.SubprocessError) as failure:
            return Outcome(fault.name, "FAILED", details=str(failure) or repr(failure))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _tried(self, fault: Fault, trial: Trial) -> Outcome:
        _copy(self.begun[fault.begins], trial.folder)
        seen = fault.inflict(trial)
        steps = [*trial.follow(seen.message), *([seen.mend(trial)] if seen.mend else [])]
        assert trial.run(*fault.targets) == 0, f"the next run failed:\n{trial.said}"
        differ = differing_files(self.begun["done"] / "results", trial.results)
        differ = [file for file in differ if file.startswith(fault.makes)]
        return Outcome(
            fault.name,
            seen.what,
            seen.message or "none",
            ", then ".join(steps) or "nothing",
            "no" if differ else f"yes, {fault.makes}" if fault.makes else "yes",
            f"differ: {differ}" * bool(differ),
        )

    def _trial(self, folder: Path) -> Trial:
        folder.mkdir()
        trial = Trial(folder)
        self.trials.append(trial)
        return trial


def _copy(source: Path, target: Path) -> None:
    """With all times, into a folder that may be there already."""
    target.mkdir(exist_ok=True, parents=True)
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)
