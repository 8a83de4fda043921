"""Write one table: a CSV for programs, Markdown for people."""

from collections.abc import Callable
from pathlib import Path

from genir.base.entries import Entries
from genir.pages.table_page import write_table_page
from genir.tables.page import Table, heading, write_table
from script import run_entry

TABLES = Entries("table", "make", ("tables", "study"))
SHARED = {
    "files": "model -> the file that the rule of the table's name wrote",
    "clean": "model -> ranks of every validation query in the unmodified model",
    "correct": "model -> its correct queries (CSV)",
    "stages": "model -> its stages (JSON)",
    "seed": "seed of the bootstrap",
}


def main(
    make: Callable[[], Table],
    manifests: list[Path],
    table: Path,
    text: Path,
    page: Path,
    caption: str,
) -> None:
    """Write one table: a CSV for programs, Markdown for people, and as a page.

    Args:
        make: makes the table.
        manifests: manifest.json of every dataset the numbers belong to.
        table: CSV to write.
        text: Markdown to write.
        page: HTML to write.
        caption: the sentence on top of it.
    """
    made = make()
    first_line = " ".join(filter(None, [heading(manifests, made.ranks), made.note]))
    write_table(made.rows, made.shown, first_line, table, text)
    write_table_page(page, text, table, caption)


if __name__ == "__main__":
    run_entry(main, TABLES, SHARED)
