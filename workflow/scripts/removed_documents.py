"""Draw the documents that the reduced models are trained without."""

from pathlib import Path

from genir.analyses.removed_documents import draw_removed_documents, of_one_document
from genir.corpora.trec import read_qrels
from genir.files.io import read_csv, write_csv
from script import run


def main(correct: Path, qrels: Path, models: int, documents: int, seed: int, output: Path) -> None:
    """Draw the documents that the reduced models are trained without.

    Args:
        correct: the full model's correct validation queries (CSV).
        qrels: TREC qrels of the validation queries; only queries of one document are taken.
        models: number of reduced models.
        documents: documents removed for each.
        seed: seed of the draw.
        output: CSV to write: set, doc_id, query_id.
    """
    alone = of_one_document(read_csv(correct), read_qrels(qrels))
    write_csv(output, draw_removed_documents(alone, models, documents, seed))


if __name__ == "__main__":
    run(main)
