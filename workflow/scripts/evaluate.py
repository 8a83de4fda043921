"""Rank the documents of a dataset for its validation and test queries."""

from pathlib import Path

from genir.files import write_parquet
from genir.retrieval import rank_queries, top_documents
from genir.subject import QuerySource, load_subject
from genir.trec import write_run
from script import run


def main(
    model: Path,
    sources: list[QuerySource],
    runs: list[Path],
    ranks: list[Path],
    depth: int,
    tag: str,
) -> None:
    """Rank the documents of a dataset for its validation and test queries.

    Args:
        model: model folder with its docid mapping.
        sources: the query splits to rank.
        runs: TREC run to write for each split.
        ranks: ranks of the relevant document (Parquet) to write for each split.
        depth: how many documents a run lists per query.
        tag: name of the run.
    """
    for source, run_file, ranks_file in zip(sources, runs, ranks, strict=True):
        subject = load_subject(model, source)
        write_run(run_file, subject.queries.ids, top_documents(subject, depth), tag)
        write_parquet(ranks_file, rank_queries(subject))


if __name__ == "__main__":
    run(main)
