"""Pre-train the mini-T5 by span corruption."""

from pathlib import Path

import pandas as pd
from transformers import AutoTokenizer, T5ForConditionalGeneration

from genir.checkpoints import Checkpoint, identity_of
from genir.damaged import check_unchanged
from genir.files import atomic_folder, read_jsonl, write_csv
from genir.models import save_weights, without_state
from genir.pretraining import PretrainingConfig, chunk_texts, pretrain, small_t5_config
from genir.processes import this_process
from genir.torch_seeding import seed_torch
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
    processes = this_process()
    identity = identity_of([text, *sorted(tokenizer.glob("*.json"))], shape, settings)
    check_unchanged(*tokenizer.glob("*.json"))
    vocabulary = without_state(AutoTokenizer.from_pretrained(tokenizer))
    texts = [record["text"] for record in read_jsonl(text)]
    pieces = chunk_texts(texts, vocabulary, settings.chunk_tokens)
    seed_torch(settings.seed, "pretraining-initialisation")
    config = small_t5_config(shape, settings.dropout_rate, vocabulary)
    model = T5ForConditionalGeneration(config).to(processes.device)
    checkpoint = Checkpoint(checkpoints, identity)
    losses = pretrain(model, vocabulary, pieces, settings, checkpoint)
    if not processes.is_main:
        return
    with atomic_folder(output) as folder:
        save_weights(folder, model.half())
        without_state(vocabulary).save_pretrained(folder)
    write_csv(curve, pd.DataFrame(losses))
    checkpoint.remove()


if __name__ == "__main__":
    run(main)
