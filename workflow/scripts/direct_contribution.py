"""Rank the relevant document by what the components of one kind write alone."""

from pathlib import Path

from genir.blocks import Limits
from genir.direct_contribution import direct_contribution
from genir.files import write_parquet
from genir.subject import QuerySource, load_subject
from script import run


def main(model: Path, source: QuerySource, output: Path, limits: Limits) -> None:
    """Rank the relevant document by what the components of one kind write alone.

    Args:
        model: model folder with its docid mapping.
        source: the queries to run.
        output: Parquet to write, a row per query and kind of component.
        limits: memory this process may use, in MiB, and precision of products.
    """
    write_parquet(output, direct_contribution(load_subject(model, source, limits)))


if __name__ == "__main__":
    run(main)
