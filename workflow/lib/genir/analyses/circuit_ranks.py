"""Ranks with whole components of the decoder replaced, as the circuits say."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from genir.analyses.circuit import (
    FIXED,
    Cell,
    automatic_record,
    cell_effects,
    recorded_cells,
    replacements,
)
from genir.analyses.patching import correct_rows, patch_means, patched_ranks, start_model
from genir.analyses.stages import patched_stages
from genir.base.names import COMPONENTS, PATCHED_STAGES, Method, Variant
from genir.base.patched_files import circuit_split, patch_files
from genir.files.io import read_json, read_parquet
from genir.models.start import Start
from genir.subjects.subject import QuerySource, Subject, load_queries


def circuit_ranks(
    subject: Subject,
    model: Path,
    test: QuerySource,
    correct: Path,
    stages: Path,
    clean: Path,
    patched: Path,
    methods: list[Method],
    broken_percent: float,
    variants: list[Variant],
    seed: int,
    start: Start | None = None,
) -> dict[str, pd.DataFrame | dict[str, Any]]:
    """Rank validation and test queries with whole components of the decoder replaced.

    A table for each circuit and split, and `automatic`: what the automatic circuit consists of, and
    why.

    Args:
        subject: the model and its validation queries; means are taken over the correct ones.
        test: the test queries.
        correct: the model's correct validation queries (CSV).
        clean: ranks of every validation query in the unmodified model (Parquet).
        patched: folder that patch_stage wrote for the model.
        methods: methods of patch_stage that the automatic circuit chooses from, preferred first.
        broken_percent: the automatic circuit leaves out what breaks surely fewer correct queries.
        variants: circuits to rank with.
        start: what fine-tuning started from; needed by the variant pretrained.
    """
    layers = patched_stages(read_json(stages)["used"])
    effects = cell_effects(read_parquet(clean), _stage_ranks(patched, methods), seed)
    record = automatic_record(effects, layers, broken_percent)
    cells = FIXED | {"automatic": recorded_cells(record)}
    patches = {variant: replacements(cells[variant], layers) for variant in variants}

    donor = start_model(subject, patches, start)
    means = patch_means(subject, correct_rows(subject, correct), patches)
    others = load_queries(model, test, subject.docids)
    splits = {
        "validation": (subject, donor),
        "test": (subject.over(others), donor and donor.over(others)),
    }
    found: dict[str, pd.DataFrame | dict[str, Any]] = {}
    for split, (own, pretrained) in splits.items():
        tables = patched_ranks(own, means, pretrained, patches)
        found |= {circuit_split(name, split): table for name, table in tables.items()}
    return found | {"automatic": record}


def _stage_ranks(
    folder: Path, methods: Iterable[Method]
) -> Mapping[Cell, Mapping[Method, pd.DataFrame]]:
    """What patch_stage ranked, by cell and method."""
    files = patch_files(folder, methods, PATCHED_STAGES)
    return {
        (component, stage): {
            method: read_parquet(files[method, stage, component]) for method in methods
        }
        for component in COMPONENTS
        for stage in PATCHED_STAGES
    }
