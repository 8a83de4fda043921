"""Trace what triggers MLP neurons and cross-attention heads back to earlier outputs."""

from pathlib import Path

from genir.blocks import Limits
from genir.communication import communication
from genir.files import write_parquet
from genir.subject import QuerySource, load_subject
from script import run


def main(model: Path, source: QuerySource, output: Path, limits: Limits) -> None:
    """Trace what triggers MLP neurons and cross-attention heads back to earlier outputs.

    Args:
        model: model folder with its docid mapping.
        source: the queries to run.
        output: Parquet to write, a row per query, target, layer and source.
        limits: memory this process may use, in MiB, and precision of products.
    """
    write_parquet(output, communication(load_subject(model, source, limits)))


if __name__ == "__main__":
    run(main)
