"""Pre-train a T5."""

from pathlib import Path

from genir.models.start import Start
from genir.training.pretrained_model import Pretraining, make_pretrained_model
from genir.training.pretraining import PretrainingConfig
from script import run


def main(
    text: Path,
    settings: PretrainingConfig,
    checkpoints: Path,
    output: Path,
    curve: Path,
    start: Start | None = None,
    tokenizer: Path | None = None,
    shape: dict[str, int] | None = None,
    snapshots: dict[int, Path] | None = None,
) -> None:
    """Pre-train a T5.

    Args:
        text: JSON Lines with a key "text".
        settings: how to train.
        checkpoints: folder to resume from; removed when training is done.
        output: model folder to write, half precision, tokenizer included.
        curve: CSV of the loss curve to write.
        start: the model to go on from; without it random weights are trained.
        tokenizer: tokenizer folder, for random weights.
        shape: T5 dimensions (d_model, d_ff, d_kv, num_heads, num_layers, num_decoder_layers), for
            random weights.
        snapshots: folders in which the weights after some steps are kept, by step.
    """
    given = Pretraining(text, settings, start, tokenizer, shape)
    make_pretrained_model(given, checkpoints, output, curve, snapshots)


if __name__ == "__main__":
    run(main)
