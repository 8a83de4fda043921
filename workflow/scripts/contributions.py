"""Measure what each component adds to the residual stream, layer by layer."""

from pathlib import Path

from genir.blocks import Limits
from genir.contributions import contributions
from genir.files import write_parquet
from genir.subject import QuerySource, load_subject
from script import run


def main(model: Path, source: QuerySource, output: Path, limits: Limits) -> None:
    """Measure what each component adds to the residual stream, layer by layer.

    Args:
        model: model folder with its docid mapping.
        source: the queries to run.
        output: Parquet to write, a row per query, layer and component.
        limits: memory this process may use, in MiB, and precision of products.
    """
    write_parquet(output, contributions(load_subject(model, source, limits)))


if __name__ == "__main__":
    run(main)
