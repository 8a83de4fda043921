"""What was measured on, and what a process needed of it."""

import json
import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from genir.engine.devices import cpu_can

PACKAGES = ("torch", "numpy", "transformers", "nnsight", "pyvene", "transformer-lens")
MIB = 2**20


def machine() -> dict[str, Any]:
    """The processor and what is used of it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _proc("cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_mib": memory // MIB,
        "threads": torch.get_num_threads(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "amx": has_amx(),
        "load_before": os.getloadavg()[0],
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def has_amx() -> bool:
    """Whether this processor multiplies bfloat16 in tiles."""
    return cpu_can("amx_tile")


def versions() -> dict[str, str | None]:
    """Of Python and of every package that is timed; None where one is not installed."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def peak_mib() -> float:
    """The most resident memory this process had so far, in MiB. (Not `ru_maxrss` on Linux, which
    starts with that of the process that started this one.)"""
    found = _proc("self/status", "VmHWM")
    if found is not None:
        return int(found.split()[0]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def in_own_process(script: Path, *options: str) -> dict[str, Any]:
    """What a script prints as JSON on the last line of its standard output."""
    command = [sys.executable, str(script), *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _proc(file: str, name: str) -> str | None:
    """A named line of a file of Linux's /proc."""
    path = Path("/proc") / file
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found = [line.partition(":")[2].strip() for line in lines if line.startswith(name)]
    return found[0] if found else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
