"""The costs of a configuration as a table, model by model and rule by rule."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from genir.run.costs import (
    ANALYSIS_RATE,
    BANDWIDTH,
    CPU_RATE,
    LEAST_MIB,
    NUMBER,
    TRAINING_RATE,
    Workload,
    analysis_memory_mb,
    analysis_operations,
    training_memory_mb,
    training_operations,
    training_seconds,
)
from genir.tables.page import to_markdown

COLUMNS = ["model", "rule", "jobs", "pflop", "gpu_hours", "cpu_hours", "memory_gb", "disk_gb"]
HEADINGS = ["model", "rule", "jobs", "PFLOP", "GPU hours", "CPU hours", "memory GB", "disk GB"]
ASSUMPTIONS = (
    "Arithmetic, not measurements. GPU hours: one A100 that trains at "
    f"{TRAINING_RATE / 1e12:.0f} TFLOP/s (bfloat16), analyses at "
    f"{ANALYSIS_RATE / 1e12:.0f} TFLOP/s (float32) and moves {BANDWIDTH / 1e12:g} TB/s in the "
    f"optimiser. CPU hours: two threads at {CPU_RATE / 1e9:.0f} GFLOP/s. Memory is what a job "
    "declares (mem_mb); training needs as much on the GPU. Disk: models in float32, and one "
    "checkpoint while a model is trained. Tables, figures and rules that are not listed take "
    "minutes."
)


def cost_table(works: Sequence[Workload]) -> pd.DataFrame:
    """One row per model and rule; memory is that of one job, all else that of all jobs."""
    return pd.DataFrame([row for work in works for row in _rows(work)], columns=COLUMNS)


def cost_text(works: Sequence[Workload]) -> str:
    """The table as Markdown with a sum, and what it assumes."""
    table = cost_table(works)
    total = {"model": "all", "rule": "", "jobs": table["jobs"].sum()}
    total |= {key: table[key].sum() for key in ("pflop", "gpu_hours", "cpu_hours", "disk_gb")}
    total["memory_gb"] = table["memory_gb"].max()
    shown = pd.concat([table, pd.DataFrame([total], columns=COLUMNS)], ignore_index=True)
    shown.columns = HEADINGS
    return f"{to_markdown(shown)}\n{ASSUMPTIONS}\n"


def _rows(work: Workload) -> list[tuple[Any, ...]]:
    size = NUMBER * work.shape.weights(work.rows) / 1e9
    rows = []
    if work.training:
        operations, hours = training_operations(work), training_seconds(work) / 3600
        memory = training_memory_mb(work) / 1000
        for rule, jobs in (("finetune", 1), ("finetune_reduced", work.reduced)):
            if jobs:
                total = jobs * operations
                cpu = total / CPU_RATE / 3600
                disk = (jobs + 1) * size
                rows.append((work.model, rule, jobs, total / 1e15, jobs * hours, cpu, memory, disk))
    else:
        rows.append((work.model, "import_model", 1, 0.0, 0.0, 0.0, LEAST_MIB / 1000, size))
    memory = analysis_memory_mb(work) / 1000
    for rule, operations in analysis_operations(work).items():
        if operations:
            hours = [operations / rate / 3600 for rate in (ANALYSIS_RATE, CPU_RATE)]
            rows.append((work.model, rule, 1, operations / 1e15, *hours, memory, 0.0))
    return rows
