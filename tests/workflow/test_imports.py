"""Analysis jobs must not spend seconds on importing what they do not use."""

import subprocess
import sys

from conftest import REPOSITORY

from genir.run import artifacts

MODULES = sorted({name for a in artifacts.ANALYSES for name in (a.driver, a.module)})
NEVER_LOADED = ("transformers", "datasets", "seaborn", "matplotlib", "scipy", "sklearn")


def test_no_analysis_loads_model_classes_or_plotting():
    program = (
        f"import sys, {', '.join(MODULES)}\n"
        f"print([name for name in {NEVER_LOADED!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{REPOSITORY}/workflow/lib:{REPOSITORY}/workflow/scripts"},
        text=True,
        capture_output=True,
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
