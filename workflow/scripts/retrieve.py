"""List the first documents for the validation and test queries of a dataset."""

from dataclasses import replace
from pathlib import Path

from genir.analyses.rank_queries import top_documents
from genir.corpora.trec import write_run
from genir.subjects.blocks import Limits
from genir.subjects.circuit import load_retriever
from genir.subjects.subject import QuerySource, load_queries
from script import run


def main(
    model: Path,
    sources: list[QuerySource],
    runs: list[Path],
    depth: int,
    tag: str,
    limits: Limits,
) -> None:
    """List the first documents for the validation and test queries of a dataset.

    Args:
        model: model folder with its docid mapping, or a circuit that rule circuit_model wrote.
        sources: the query splits to retrieve for.
        runs: TREC run to write for each split.
        depth: how many documents a run lists per query.
        tag: name of the run.
        limits: memory this process may use, in MiB, and precision of products.
    """
    loaded = load_retriever(model, sources[0], limits)
    for source, file in zip(sources, runs, strict=True):
        subject = replace(loaded, queries=load_queries(model, source, loaded.docids))
        write_run(file, subject.queries.ids, top_documents(subject, depth), tag)


if __name__ == "__main__":
    run(main)
