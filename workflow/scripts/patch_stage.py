"""Patch one component in all layers of a stage and rank the validation queries."""

from pathlib import Path

from genir.blocks import Limits
from genir.components import Method
from genir.files import read_json
from genir.patching import stage_patches
from genir.start import Start
from genir.subject import QuerySource
from patch_files import patch_and_write
from script import run


def main(
    model: Path,
    source: QuerySource,
    correct: Path,
    methods: list[Method],
    stages: Path,
    output: Path,
    limits: Limits,
    start: Start | None = None,
) -> None:
    """Patch one component in all layers of a stage and rank the validation queries.

    Args:
        model: model folder with its docid mapping.
        source: the queries to rank.
        correct: the model's correct queries (CSV); means are taken over them.
        methods: patching methods.
        stages: the model's stages (JSON, written by stages).
        output: folder in which <method>/<stage>.<component>.parquet are written.
        limits: memory this process may use, in MiB, and precision of products.
        start: what fine-tuning started from; needed by the method pretrained.
    """
    boundaries = {stage: tuple(layers) for stage, layers in read_json(stages)["used"].items()}
    patches = stage_patches(boundaries, tuple(methods))
    patch_and_write(model, source, correct, patches, output, limits, start)


if __name__ == "__main__":
    run(main)
