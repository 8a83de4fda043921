"""Patch single attention heads of some decoder layers and rank the validation queries."""

from pathlib import Path

from genir.blocks import Limits
from genir.components import Method
from genir.patching import head_patches, heads_together
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
    """Patch single attention heads of some decoder layers and rank the validation queries.

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
    subject = load_subject(model, source, limits)
    layers = range(first_layer, last_layer + 1)
    patches = head_patches(layers, subject.model.architecture.heads, methods)
    write_tables(heads_together(patch(subject, correct, patches, start)), output)


if __name__ == "__main__":
    run(main)
