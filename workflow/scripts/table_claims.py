"""Judge the study's claims by the intervals of our numbers."""

from pathlib import Path

from genir.tables.claims import ClaimFiles, claims_table, shown
from genir.tables.markdown import write_table
from genir.tables.provenance import MIXED_RANKS, heading
from script import run

NOTE = (
    "A claim is supported if the whole 95 % interval fulfils its rule, not supported if nothing of "
    "it does. Points are percentage points, shares are 0 to 1."
)


def main(
    files: list[ClaimFiles],
    docid_share: Path,
    circuit: Path,
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Judge the study's claims by the intervals of our numbers.

    Args:
        files: what the claims about each model are judged by.
        docid_share: CSV of table_docid_share.
        circuit: CSV of table_circuit.
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = claims_table(files, docid_share, circuit, seed)
    first_line = f"{heading(manifests, MIXED_RANKS)} {NOTE}"
    write_table(frame, shown(frame), first_line, table, text)


if __name__ == "__main__":
    run(main)
