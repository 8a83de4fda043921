"""Put every number of the study beside ours."""

from pathlib import Path

from genir.tables.markdown import write_table
from genir.tables.paper_comparison import OurModel, OurTables, paper_comparison_table, shown
from genir.tables.provenance import MIXED_RANKS, heading
from script import run

NOTE = (
    "The study's numbers are T5-large's on its own datasets, without n and interval; an interval "
    "marked as derived is Wilson's for an n that the number can be taken back to. Compare the "
    "pattern, not the size."
)


def main(
    published: Path,
    tables: OurTables,
    models: list[OurModel],
    manifests: list[Path],
    table: Path,
    text: Path,
) -> None:
    """Put every number of the study beside ours.

    Args:
        published: folder with the study's numbers, resources/paper.
        tables: CSV files of our tables.
        models: the models that stand beside the study's, one a dataset.
        manifests: manifest.json of every dataset these models belong to.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = paper_comparison_table(published, tables, models)
    first_line = f"{heading(manifests, MIXED_RANKS)} {NOTE}"
    write_table(frame, shown(frame, published), first_line, table, text)


if __name__ == "__main__":
    run(main)
