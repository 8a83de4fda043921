"""Find the heads among the largest sources of active Stage III neurons."""

from pathlib import Path

from genir.blocks import Limits
from genir.files import write_parquet
from genir.subject import QuerySource, load_subject
from genir.tables.stages import read_stages
from genir.top_heads import top_heads
from script import run


def main(model: Path, source: QuerySource, stages: Path, output: Path, limits: Limits) -> None:
    """Find the heads among the largest sources of active Stage III neurons.

    Args:
        model: model folder with its docid mapping.
        source: the queries to run.
        stages: the model's stages (JSON, written by stages).
        output: Parquet to write, a row per query, layer, component and head.
        limits: memory this process may use, in MiB, and precision of products.
    """
    first, last = read_stages(stages)["used"]["III"]
    heads = top_heads(load_subject(model, source, limits), range(first, last + 1))
    write_parquet(output, heads)


if __name__ == "__main__":
    run(main)
