"""Patch one component in all layers of a stage, or of the decoder, and rank the queries."""

from pathlib import Path

from genir.blocks import Limits
from genir.components import Method
from genir.files import read_json
from genir.patching import stage_patches
from genir.stages import patched_stages
from genir.start import Start
from genir.subject import QuerySource, load_subject
from patch_files import patch, write_tables
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
    """Patch one component in all layers of a stage, or of the decoder, and rank the queries.

    Args:
        model: model folder with its docid mapping.
        source: the queries to rank.
        correct: the model's correct queries (CSV); means are taken over them.
        methods: patching methods.
        stages: the model's stages (JSON, written by stages).
        output: folder in which <method>/<stage>.<component>.parquet are written;
            the stage all is every decoder layer.
        limits: memory this process may use, in MiB, and precision of products.
        start: what fine-tuning started from; needed by the method pretrained.
    """
    patches = stage_patches(patched_stages(read_json(stages)["used"]), methods)
    tables = patch(load_subject(model, source, limits), correct, patches, start)
    write_tables(tables, output)


if __name__ == "__main__":
    run(main)
