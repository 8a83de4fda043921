"""What the code does on a GPU, in eight minutes: benchmarks/results/gpu.json.

For a bare machine with a GPU, without network, and with a torch and a transformers of its own. In
order of worth: the tests marked `cuda`; patching, lens and ranks beside the CPU's; the engine
beside batched hooks; training steps a second; a sweep of T5-large with 320,000 documents. Every
part has its limit of time and a process of its own; what fails is recorded and the next one goes
on. Exit status 0 means that all parts ran and held; what this machine or version cannot do at all
is listed in `left_out` and counts as neither.
"""

import argparse
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parent
sys.path.insert(0, str(BENCHMARKS.parent / "workflow" / "lib"))

NEEDED = {"numpy": "numpy", "pandas": "pandas", "safetensors": "safetensors", "yaml": "pyyaml",
          "tokenizers": "tokenizers", "torch": "torch", "transformers": "transformers"}  # fmt: skip
"""Name of a module -> name in the package index."""

SHARES = {"tests": 0.25, "agreement": 0.2, "engine": 0.25, "training": 0.25, "large": 0.2}
"""Part -> the most of the whole time it may take; the module measure.gpu_<part> has its pieces."""


def check_packages() -> None:
    """Raises SystemExit naming all packages that are missing."""
    if missing := [package for module, package in NEEDED.items() if find_spec(module) is None]:
        raise SystemExit(
            f"gpu.py needs packages that this Python has not: {', '.join(missing)}; install them "
            f"(pip install {' '.join(missing)}), or start gpu.py with the Python that has them"
        )


def described(device: str) -> dict[str, Any]:
    """What is measured on and with. Raises SystemExit where torch finds no GPU that is wanted."""
    import torch
    from measure.machine import machine, versions

    about = {"card": None, "machine": machine(), "versions": versions()}
    if device == "cpu":
        return about
    if not torch.cuda.is_available():
        raise SystemExit(
            f"torch {torch.__version__} finds no GPU; look at nvidia-smi and at whether this torch "
            "is a CUDA build, or try the command with --device cpu --shape tiny --out <file>"
        )
    card = torch.cuda.get_device_properties(0)
    return about | {
        "card": {
            "name": card.name,
            "compute_capability": f"{card.major}.{card.minor}",
            "memory_mib": card.total_memory // 2**20,
            "cuda": torch.version.cuda,
        }
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=float, default=8.0, help="for everything together (default: 8)"
    )
    parser.add_argument("--out", type=Path, help="JSON to write (default: results/gpu.json)")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument(
        "--shape", choices=["full", "tiny"], default="full", help="tiny: to try the command"
    )
    parser.add_argument("--only", nargs="+", choices=list(SHARES), help="these parts alone")
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.out is None and (given.device, given.shape, given.only) != ("cuda", "full", None):
        parser.error("give --device cpu, --shape tiny and --only an --out of their own, or they "
                     "replace what was measured on a GPU")  # fmt: skip
    return given


def run_one(part: str, pieces: Path, shape: str) -> None:
    """What a process of its own does."""
    from measure.parts import write_pieces

    from genir.base.progress import configure_logging
    from genir.engine.devices import best_device

    configure_logging()
    device = best_device()
    module = import_module(f"measure.gpu_{part}")
    write_pieces(module.pieces(shape, device), pieces, device)


def main() -> None:
    given = arguments()
    if given.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    check_packages()
    if given.part:
        run_one(given.part[0], Path(given.part[1]), given.shape)
        return
    from measure.parts import run_parts

    from genir.files.io import write_json

    out = given.out or BENCHMARKS / "results" / "gpu.json"
    budget = 60 * given.minutes
    about = {"device": given.device, "shape": given.shape, "budget_seconds": budget}
    about |= described(given.device)
    limits = {name: budget * SHARES[name] for name in given.only or SHARES}
    options = ("--device", given.device, "--shape", given.shape, "--out", str(out), "--part")
    command = [sys.executable, str(BENCHMARKS / "gpu.py"), *options]
    report = run_parts(limits, command, budget, lambda found: write_json(out, about | found))
    raise SystemExit(0 if report["held"] else 1)


if __name__ == "__main__":
    main()
