"""Rank the relevant documents of validation and test queries."""

from dataclasses import replace
from pathlib import Path

from genir.analyses.rank_queries import rank_queries
from genir.files.io import write_parquet
from genir.subjects.blocks import Limits
from genir.subjects.circuit import load_retriever
from genir.subjects.subject import QuerySource, load_queries
from script import run


def main(model: Path, sources: list[QuerySource], ranks: list[Path], limits: Limits) -> None:
    """Rank the relevant documents of validation and test queries.

    Args:
        model: model folder with its docid mapping, or a circuit that rule circuit_model wrote.
        sources: the query splits to rank.
        ranks: ranks of the relevant document (Parquet) to write for each split.
        limits: memory this process may use, in MiB, and precision of products.
    """
    loaded = load_retriever(model, sources[0], limits)
    for source, file in zip(sources, ranks, strict=True):
        subject = replace(loaded, queries=load_queries(model, source, loaded.docids))
        write_parquet(file, rank_queries(subject))


if __name__ == "__main__":
    run(main)
