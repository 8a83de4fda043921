"""Swap single parts of the pre-trained encoder in and rank the validation queries."""

from pathlib import Path

from genir.blocks import Limits
from genir.encoder_swap import partial_encoder
from genir.files import write_parquet
from genir.progress import Progress
from genir.retrieval import rank_queries
from genir.start import Start, start_folder
from genir.subject import QuerySource, load_subject
from script import run


def main(
    model: Path, source: QuerySource, start: Start, outputs: dict[str, Path], limits: Limits
) -> None:
    """Swap single parts of the pre-trained encoder in and rank the validation queries.

    Args:
        model: model folder with its docid mapping.
        source: the queries to rank.
        start: what fine-tuning started from.
        outputs: ranks (Parquet) to write for each part.
        limits: memory this process may use, in MiB, and precision of products.
    """
    subject = load_subject(model, source, limits)
    donor = subject.origin(start_folder(start))
    progress = Progress("partial swaps", len(outputs))
    for done, (part, output) in enumerate(outputs.items(), start=1):
        encoder = partial_encoder(subject.model, donor, part)
        write_parquet(output, rank_queries(subject, encoder))
        progress.update(done)


if __name__ == "__main__":
    run(main)
