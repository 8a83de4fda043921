"""Swap single parts of the pre-trained encoder in and rank the validation queries."""

from pathlib import Path

from genir.encoder_swap import partial_encoder
from genir.files import write_parquet
from genir.models import Start, load_start
from genir.progress import Progress
from genir.retrieval import rank_queries
from genir.subject import QuerySource, load_subject
from script import run


def main(model: Path, source: QuerySource, start: Start, outputs: dict[str, Path]) -> None:
    """Swap single parts of the pre-trained encoder in and rank the validation queries.

    Args:
        model: model folder with its docid mapping.
        source: the queries to rank.
        start: what fine-tuning started from.
        outputs: ranks (Parquet) to write for each part.
    """
    subject = load_subject(model, source)
    donor = load_start(start, seed=0)[0].encoder
    progress = Progress("partial swaps", len(outputs))
    for done, (part, output) in enumerate(outputs.items(), start=1):
        encoder = partial_encoder(subject.model.encoder, donor, part)
        write_parquet(output, rank_queries(subject, encoder))
        progress.update(done)


if __name__ == "__main__":
    run(main)
