"""Rank the documents of a dataset for its validation and test queries."""

from dataclasses import replace
from pathlib import Path

from genir.blocks import Limits
from genir.files import write_parquet
from genir.retrieval import final_states, ranks_of, top_documents
from genir.subject import QuerySource, load_queries, load_subject
from genir.trec import write_run
from script import run


def main(
    model: Path,
    sources: list[QuerySource],
    runs: list[Path],
    ranks: list[Path],
    depth: int,
    tag: str,
    limits: Limits,
) -> None:
    """Rank the documents of a dataset for its validation and test queries.

    Args:
        model: model folder with its docid mapping.
        sources: the query splits to rank.
        runs: TREC run to write for each split.
        ranks: ranks of the relevant document (Parquet) to write for each split.
        depth: how many documents a run lists per query.
        tag: name of the run.
        limits: memory this process may use, in MiB, and precision of products.
    """
    loaded = load_subject(model, sources[0], limits)
    for source, run_file, ranks_file in zip(sources, runs, ranks, strict=True):
        subject = replace(loaded, queries=load_queries(model, source, loaded.docids))
        states = final_states(subject)
        write_run(run_file, subject.queries.ids, top_documents(subject, states, depth), tag)
        write_parquet(ranks_file, ranks_of(subject, states))


if __name__ == "__main__":
    run(main)
