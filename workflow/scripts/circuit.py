"""Rank queries with whole components of the decoder replaced."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from genir.blocks import Limits
from genir.circuit import (
    FIXED,
    Cell,
    Variant,
    automatic_record,
    cell_effects,
    recorded_cells,
    replacements,
)
from genir.components import COMPONENTS, PATCHED_STAGES, Method
from genir.files import read_json, read_parquet, write_json
from genir.patched_files import patch_files
from genir.patching import patch_means, patched_ranks
from genir.stages import patched_stages
from genir.start import Start
from genir.subject import QuerySource, load_queries, load_subject
from patch_files import correct_rows, start_model, write_tables
from script import run


def main(
    model: Path,
    validation: QuerySource,
    test: QuerySource,
    correct: Path,
    stages: Path,
    clean: Path,
    patched: Path,
    methods: list[Method],
    broken_percent: float,
    variants: list[Variant],
    seed: int,
    automatic: Path,
    output: Path,
    limits: Limits,
    start: Start | None = None,
) -> None:
    """Rank queries with whole components of the decoder replaced.

    Args:
        model: model folder with its docid mapping.
        validation: the validation queries; means are taken over the correct ones.
        test: the test queries.
        correct: the model's correct validation queries (CSV).
        stages: the model's stages (JSON, written by stages).
        clean: ranks of every validation query in the unmodified model (Parquet).
        patched: folder that patch_stage wrote for the model.
        methods: methods of patch_stage that the automatic circuit chooses from, preferred first.
        broken_percent: the automatic circuit leaves out what breaks surely fewer correct queries.
        variants: circuits to rank with.
        seed: seed of the bootstrap.
        automatic: JSON to write: what the automatic circuit consists of, and why.
        output: folder in which <variant>.<split>.parquet are written.
        limits: memory this process may use, in MiB, and precision of products.
        start: what fine-tuning started from; needed by the variant pretrained.
    """
    layers = patched_stages(read_json(stages)["used"])
    effects = cell_effects(read_parquet(clean), stage_ranks(patched, methods), seed)
    record = automatic_record(effects, layers, broken_percent)
    cells = FIXED | {"automatic": recorded_cells(record)}
    patches = {variant: replacements(cells[variant], layers) for variant in variants}

    subject = load_subject(model, validation, limits)
    donor = start_model(subject, patches, start)
    means = patch_means(subject, correct_rows(subject, correct), patches)
    others = load_queries(model, test, subject.docids)
    splits = {
        "validation": (subject, donor),
        "test": (subject.over(others), donor and donor.over(others)),
    }
    for split, (own, pretrained) in splits.items():
        tables = patched_ranks(own, means, pretrained, patches)
        write_tables({f"{name}.{split}": table for name, table in tables.items()}, output)
    write_json(automatic, record)


def stage_ranks(
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


if __name__ == "__main__":
    run(main)
