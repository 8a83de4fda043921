"""Pre-train the mini-T5 by span corruption."""

from pathlib import Path

from genir.training.pretrained_model import make_pretrained_model
from genir.training.pretraining import PretrainingConfig
from script import run


def main(
    text: Path,
    tokenizer: Path,
    shape: dict[str, int],
    settings: PretrainingConfig,
    checkpoints: Path,
    output: Path,
    curve: Path,
) -> None:
    """Pre-train the mini-T5 by span corruption.

    Args:
        text: JSON Lines with a key "text".
        tokenizer: tokenizer folder.
        shape: T5 dimensions (d_model, d_ff, d_kv, num_heads, num_layers, num_decoder_layers).
        settings: how to train.
        checkpoints: folder to resume from; removed when training is done.
        output: model folder to write, half precision, tokenizer included.
        curve: CSV of the loss curve to write.
    """
    make_pretrained_model(text, tokenizer, shape, settings, checkpoints, output, curve)


if __name__ == "__main__":
    run(main)
