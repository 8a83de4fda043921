"""Patch single components of some decoder layers and rank the validation queries."""

from pathlib import Path

from genir.blocks import Limits
from genir.components import Method
from genir.patching import single_patches
from genir.start import Start
from genir.subject import QuerySource, load_subject
from patch_files import patch, write_tables
from script import run


def main(
    model: Path,
    source: QuerySource,
    correct: Path,
    methods: list[Method],
    first_layer: int,
    last_layer: int,
    output: Path,
    limits: Limits,
    start: Start | None = None,
) -> None:
    """Patch single components of some decoder layers and rank the validation queries.

    Args:
        model: model folder with its docid mapping.
        source: the queries to rank.
        correct: the model's correct queries (CSV); means are taken over them.
        methods: patching methods.
        first_layer: first decoder layer to patch.
        last_layer: last decoder layer to patch.
        output: folder in which <method>/layer<l>.<component>.parquet are written.
        limits: memory this process may use, in MiB, and precision of products.
        start: what fine-tuning started from; needed by the method pretrained.
    """
    patches = single_patches(range(first_layer, last_layer + 1), methods)
    tables = patch(load_subject(model, source, limits), correct, patches, start)
    write_tables(tables, output)


if __name__ == "__main__":
    run(main)
