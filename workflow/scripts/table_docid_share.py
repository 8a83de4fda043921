"""Tabulate the share of docid tokens among what cross-attention heads say."""

from pathlib import Path

from genir.tables import paper
from genir.tables.docid_share import docid_share_table, shown
from genir.tables.markdown import write_table
from genir.tables.provenance import NO_RANK, heading
from script import run


def main(
    files: dict[str, Path],
    clean: dict[str, Path],
    stages: dict[str, Path],
    models: dict[str, Path],
    paper_share: Path,
    manifests: list[Path],
    seed: int,
    table: Path,
    text: Path,
) -> None:
    """Tabulate the share of docid tokens among what cross-attention heads say.

    Args:
        files: model -> the shares that the rule head_lens wrote.
        clean: model -> ranks of every validation query in the unmodified model.
        stages: model -> its stages (JSON).
        models: model -> its folder.
        paper_share: resources/paper/table5_docid_share.csv.
        manifests: manifest.json of every dataset the models belong to.
        seed: seed of the bootstrap.
        table: CSV to write.
        text: Markdown to write.
    """
    published = paper.docid_share(paper_share)
    frame = docid_share_table(files, clean, stages, models, published, seed)
    write_table(frame, shown(frame), heading(manifests, NO_RANK), table, text)


if __name__ == "__main__":
    run(main)
