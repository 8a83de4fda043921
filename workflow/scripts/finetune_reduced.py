"""Fine-tune a reduced model: the full model's recipe without one set of removed documents."""

from pathlib import Path

from genir.dataset_files import TrainingFiles
from genir.files import read_csv
from genir.finetuned_model import FinetuningOutputs, make_finetuned_model
from genir.finetuning import FinetuningConfig
from genir.removed_documents import removed_set as documents_of_set
from genir.start import Start
from script import run


def main(
    data: TrainingFiles,
    start: Start,
    settings: FinetuningConfig,
    removed: Path,
    removed_set: int,
    outputs: FinetuningOutputs,
) -> None:
    """Fine-tune a reduced model: the full model's recipe without one set of removed documents.

    Args:
        data: documents, queries and training qrels.
        start: what fine-tuning starts from.
        settings: how to train; the full model's, seed and steps included.
        removed: CSV of the removed documents (set, doc_id, query_id).
        removed_set: which set this model is trained without.
        outputs: model folder, loss curve (CSV), run record (JSON), checkpoint folder.
    """
    documents = documents_of_set(read_csv(removed), removed_set, removed)
    make_finetuned_model(data, start, settings, outputs, documents)


if __name__ == "__main__":
    run(main)
