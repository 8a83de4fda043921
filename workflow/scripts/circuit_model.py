"""Write circuits of a model as models of their own."""

from pathlib import Path

from genir.analyses.circuit_model import CircuitSources, write_circuits
from genir.base.names import Variant
from genir.subjects.blocks import Limits
from genir.subjects.subject import QuerySource, load_queries, load_subject
from script import run


def main(
    model: Path,
    name: str,
    source: QuerySource,
    test: QuerySource,
    correct: Path,
    stages: Path,
    circuits: Path,
    variants: list[Variant],
    output: Path,
    limits: Limits,
) -> None:
    """Write circuits of a model as models of their own.

    Args:
        model: model folder with its docid mapping.
        name: what the model is called.
        source: the validation queries; means are taken over the correct ones.
        test: the test queries.
        correct: the model's correct validation queries (CSV).
        stages: the model's stages (JSON, written by stages).
        circuits: folder that circuit_ranks wrote for the model.
        variants: circuits to write, each into a folder of its name.
        output: folder to write in.
        limits: memory this process may use, in MiB, and precision of products.
    """
    subject = load_subject(model, source, limits)
    others = load_queries(model, test, subject.docids)
    sources = CircuitSources(correct, stages, circuits)
    write_circuits(subject, others, sources, variants, name, output)


if __name__ == "__main__":
    run(main)
