"""Fine-tune one model on all documents of its dataset, or on all but a set of removed ones."""

from pathlib import Path

from genir.analyses.removed_documents import removed_set as documents_of_set
from genir.corpora.dataset import TrainingFiles
from genir.files.io import read_csv
from genir.models.start import Start
from genir.training.finetuned_model import make_finetuned_model
from genir.training.finetuning import FinetuningConfig
from genir.training.outputs import FinetuningOutputs
from script import run


def main(
    data: TrainingFiles,
    start: Start,
    settings: FinetuningConfig,
    outputs: FinetuningOutputs,
    removed: Path | None = None,
    removed_set: int | None = None,
) -> None:
    """Fine-tune one model on all documents of its dataset, or on all but a set of removed ones.

    Args:
        data: documents, queries and training qrels.
        start: what fine-tuning starts from.
        settings: how to train; of a reduced model the full one's, seed and steps included.
        outputs: model folder, loss curve (CSV), run record (JSON), checkpoint folder.
        removed: CSV of the removed documents (set, doc_id, query_id).
        removed_set: which set a reduced model is trained without.
    """
    documents = documents_of_set(read_csv(removed), removed_set, removed) if removed else []
    make_finetuned_model(data, start, settings, outputs, documents)


if __name__ == "__main__":
    run(main)
