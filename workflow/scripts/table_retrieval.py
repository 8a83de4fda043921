"""Put the retrieval quality of all systems into one table."""

from pathlib import Path

from genir.tables.markdown import write_table
from genir.tables.provenance import heading
from genir.tables.retrieval import retrieval_table, shown
from script import run

RANK_KIND = (
    "rank kind: docid (run files hold documents only, and BM25 has no other rank); "
    "paper_comparison sets vocabulary ranks beside the study's"
)


def main(files: list[Path], paper: Path, manifests: list[Path], table: Path, text: Path) -> None:
    """Put the retrieval quality of all systems into one table.

    Args:
        files: CSV files of retrieval_metrics.
        paper: resources/paper/table1_retrieval.csv.
        manifests: manifest.json of every dataset the systems were measured on.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = retrieval_table(files, paper)
    write_table(frame, shown(frame), heading(manifests, RANK_KIND), table, text)


if __name__ == "__main__":
    run(main)
