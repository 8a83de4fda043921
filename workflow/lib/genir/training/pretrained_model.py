"""The pre-trained mini-T5 as a folder: from text and tokenizer to weights and loss curve."""

from pathlib import Path

import pandas as pd
from transformers import AutoTokenizer, T5ForConditionalGeneration

from genir.engine.devices import seed_torch
from genir.files.checkpoint import Checkpoint, identity_of
from genir.files.damage import check_unchanged
from genir.files.io import atomic_folder, read_jsonl, write_csv
from genir.models.load import save_weights, without_state
from genir.training.pretraining import PretrainingConfig, chunk_texts, pretrain, small_t5_config
from genir.training.processes import this_process


def make_pretrained_model(
    text: Path,
    tokenizer: Path,
    shape: dict[str, int],
    settings: PretrainingConfig,
    checkpoints: Path,
    output: Path,
    curve: Path,
) -> None:
    """Pre-train a T5 of `shape` on the JSON Lines `text`; the folder `output` gets its weights in
    half precision and the tokenizer, the CSV `curve` its losses. `checkpoints` is removed when all
    is there."""
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
