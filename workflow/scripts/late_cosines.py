"""Compare the direction of late outputs with that of Stage I's MLPs."""

from pathlib import Path

from genir.blocks import Limits
from genir.files import write_parquet
from genir.late_cosines import late_cosines
from genir.subject import QuerySource, load_subject
from genir.tables.stages import read_stages
from script import run


def main(model: Path, source: QuerySource, stages: Path, output: Path, limits: Limits) -> None:
    """Compare the direction of late outputs with that of Stage I's MLPs.

    Args:
        model: model folder with its docid mapping.
        source: the queries to run.
        stages: the model's stages (JSON, written by stages).
        output: Parquet to write, a row per query, late output and Stage I MLP.
        limits: memory this process may use, in MiB, and precision of products.
    """
    first, last = read_stages(stages)["used"]["I"]
    cosines = late_cosines(load_subject(model, source, limits), range(first, last + 1))
    write_parquet(output, cosines)


if __name__ == "__main__":
    run(main)
