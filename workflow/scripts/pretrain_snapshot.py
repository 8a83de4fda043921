"""Write the model after some step of a pre-training."""

from pathlib import Path

from genir.models.start import Start
from genir.training.pretrained_model import Pretraining, make_snapshot
from genir.training.pretraining import PretrainingConfig
from script import run


def main(
    text: Path,
    settings: PretrainingConfig,
    step: int,
    checkpoints: Path,
    output: Path,
    curve: Path,
    start: Start | None = None,
    tokenizer: Path | None = None,
    shape: dict[str, int] | None = None,
) -> None:
    """Write the model after some step of a pre-training: what was kept on the way or, where it was
    not, trained up to there once more.

    Args:
        text: JSON Lines with a key "text".
        settings: how to train.
        step: number of steps done; 0 is the start.
        checkpoints: folder in which the weights were kept; removed when the model is written.
        output: model folder to write, half precision, tokenizer included.
        curve: CSV of the loss curve up to the step, to write.
        start: the model that was gone on from; without it random weights were trained.
        tokenizer: tokenizer folder, for random weights.
        shape: T5 dimensions, for random weights.
    """
    given = Pretraining(text, settings, start, tokenizer, shape)
    make_snapshot(given, step, checkpoints, output, curve)


if __name__ == "__main__":
    run(main)
