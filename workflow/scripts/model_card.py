"""Write the model card of the mini-T5: what it was made from and how."""

from pathlib import Path
from typing import Any

from genir.figures.style import save_figure
from genir.figures.training import pretraining_figure
from genir.files.damage import check_unchanged
from genir.files.io import read_csv, read_json, write_text
from genir.tables.model_card import model_card
from script import run


def main(
    model: Path, curve: Path, manifest: Path, pretraining: dict[str, Any], card: Path, picture: Path
) -> None:
    """Write the model card of the mini-T5: what it was made from and how.

    Args:
        model: the pre-trained model's folder.
        curve: its loss curve (CSV).
        manifest: where the text came from (JSON).
        pretraining: vocabulary, sentinels, shape and training settings.
        card: Markdown to write.
        picture: picture of the loss curve to write.
    """
    losses = read_csv(curve)
    weights = model / "model.safetensors"
    check_unchanged(weights)
    text = model_card(weights, losses, read_json(manifest), pretraining, picture.name)
    save_figure(pretraining_figure(losses), picture.with_suffix(""), [picture.suffix[1:]])
    write_text(card, text)


if __name__ == "__main__":
    run(main)
