"""Train a document-to-query model on the training queries of a dataset."""

from genir.corpora.dataset import TrainingFiles
from genir.models.start import Start
from genir.training.doc2query.train import GeneratorTraining, make_query_generator
from genir.training.outputs import FinetuningOutputs
from script import run


def main(
    data: TrainingFiles, start: Start, settings: GeneratorTraining, outputs: FinetuningOutputs
) -> None:
    """Train a document-to-query model on the training queries of a dataset.

    Args:
        data: documents, queries and training qrels.
        start: what training starts from.
        settings: how to train.
        outputs: model folder, loss curve (CSV), run record (JSON), checkpoint folder.
    """
    make_query_generator(data, start, settings, outputs)


if __name__ == "__main__":
    run(main)
