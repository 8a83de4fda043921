"""Read intermediate states through the logit lens."""

from pathlib import Path

from genir.blocks import Limits
from genir.files import write_parquet
from genir.logit_lens import rank_development
from genir.subject import QuerySource, load_subject
from script import run


def main(model: Path, source: QuerySource, output: Path, limits: Limits) -> None:
    """Read intermediate states through the logit lens.

    Args:
        model: model folder with its docid mapping.
        source: the queries to run.
        output: Parquet to write, a row per query, layer and source of the state.
        limits: memory this process may use, in MiB, and precision of products.
    """
    write_parquet(output, rank_development(load_subject(model, source, limits)))


if __name__ == "__main__":
    run(main)
