"""Fine-tune one model on all documents of its dataset."""

from genir.dataset_files import TrainingFiles
from genir.finetuned_model import FinetuningOutputs, make_finetuned_model
from genir.finetuning import FinetuningConfig
from genir.start import Start
from script import run


def main(
    data: TrainingFiles, start: Start, settings: FinetuningConfig, outputs: FinetuningOutputs
) -> None:
    """Fine-tune one model on all documents of its dataset.

    Args:
        data: documents, queries and training qrels.
        start: what fine-tuning starts from.
        settings: how to train.
        outputs: model folder, loss curve (CSV), run record (JSON), checkpoint folder.
    """
    make_finetuned_model(data, start, settings, outputs)


if __name__ == "__main__":
    run(main)
