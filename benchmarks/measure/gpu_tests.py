"""The tests marked `cuda`, by the pytest that is there; on a CPU their twins that run there."""

import os
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import torch

from measure.parts import NotPossibleError, Piece, Result

REPOSITORY = Path(__file__).resolve().parents[2]
HELPER = "from on_devices import"
"""What the files of such tests have in common; others may need packages that are not there."""


def pieces(shape: str, device: torch.device) -> Iterator[Piece]:
    """One: every test, or of a tiny shape those of the engine."""
    folder = REPOSITORY / "tests" / "unit"
    files = sorted(
        path for path in folder.rglob("test_*.py") if HELPER in path.read_text(encoding="utf-8")
    )
    if shape == "tiny":
        files = [path for path in files if path.parent.name == "engine"]
    yield "marked_cuda", partial(outcome, files, device)


def outcome(files: list[Path], device: torch.device) -> Result:
    """Counts, and the message of every test that failed. Held if some ran and none failed."""
    if find_spec("pytest") is None:
        raise NotPossibleError("pytest is not installed")
    import pytest

    # Whatever plugins lie about on the machine stay out.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        # Warnings of other versions are no failures; `addopts` asks for pytest-xdist.
        plain = ("-o", "addopts=", "-o", "filterwarnings=", "-p", "no:cacheprovider")
        chosen = "cuda" if device.type == "cuda" else "not cuda"
        arguments = ["-q", *plain, "-m", chosen, f"--rootdir={REPOSITORY}", f"--junitxml={report}"]
        status = pytest.main([*arguments, *map(str, files)])
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    failed = {
        case.get("name", "?"): (fault.get("message") or fault.text or "")[:500]
        for case in cases
        for fault in case
        if fault.tag in ("failure", "error")
    }
    skipped = sum(any(child.tag == "skipped" for child in case) for case in cases)
    passed = len(cases) - len(failed) - skipped
    return {
        "passed": passed,
        "failed": failed,
        "skipped": skipped,
        "held": status == pytest.ExitCode.OK and passed > 0 and not failed,
    }
