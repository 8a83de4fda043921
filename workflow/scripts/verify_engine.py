"""Compare the engine with implementations that share no code with it, on a model's own queries."""

from pathlib import Path

from genir.models.start import Start, start_folder
from genir.pages.table_page import write_table_page
from genir.subjects.blocks import Limits
from genir.subjects.subject import QuerySource
from genir.tables.page import heading, write_table
from genir.verification.table import RANKS, shown
from genir.verification.verify import verify_engine
from script import run


def main(
    model: Path,
    source: QuerySource,
    manifest: Path,
    seed: int,
    limits: Limits,
    table: Path,
    text: Path,
    page: Path,
    caption: str,
    start: Start | None = None,
) -> None:
    """Compare the engine with implementations that share no code with it, on a model's own queries.

    Args:
        model: model folder with its docid mapping.
        source: the queries to draw from.
        manifest: manifest.json of the model's dataset.
        seed: seed of the drawn queries and patches.
        limits: memory this process may use, in MiB, and precision of products.
        table: CSV to write.
        text: Markdown to write.
        page: HTML to write.
        caption: the sentence on top of it.
        start: what fine-tuning started from; patches then take outputs from it too.
    """
    verification = verify_engine(model, source, start and start_folder(start), seed, limits)
    frame = verification.table()
    first_line = f"{heading([manifest], RANKS)} {verification.sentences()}"
    write_table(frame, shown(frame), first_line, table, text)
    write_table_page(page, text, table, caption)


if __name__ == "__main__":
    run(main)
