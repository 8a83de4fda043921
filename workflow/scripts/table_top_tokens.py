"""Tabulate what the cross-attention heads say for a few queries."""

from pathlib import Path

from genir.tables.provenance import NO_RANK, heading
from genir.tables.top_tokens import TopTokensFiles, top_tokens_table, write_top_tokens
from script import run


def main(
    files: list[TopTokensFiles],
    manifests: list[Path],
    examples: int,
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate what the cross-attention heads say for a few queries.

    Args:
        files: what is read of each model.
        manifests: manifest.json of every dataset the models belong to.
        examples: correct queries shown of a model, and as many failed ones.
        seed: seed of the draw.
        table: CSV to write.
        text: Markdown to write.
    """
    frame = top_tokens_table(files, examples, seed)
    write_top_tokens(frame, files, heading(manifests, NO_RANK), table, text)


if __name__ == "__main__":
    run(main)
