"""A pre-trained T5 as a folder: from text, and a tokenizer or a model to start from, to weights and
loss curve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from transformers import AutoTokenizer, PreTrainedTokenizerFast, T5ForConditionalGeneration

from genir.base.errors import ModelError
from genir.base.progress import LOGGER
from genir.base.spans import most_spans
from genir.engine.devices import seed_torch
from genir.files.checkpoint import Checkpoint, identity_of
from genir.files.damage import check_unchanged
from genir.files.io import atomic_folder, read_jsonl, write_csv
from genir.models.load import load_start, save_plain_model, without_state
from genir.models.start import Start, start_files
from genir.models.tokenizer import sentinel_tokens
from genir.training.loop import NO_SNAPSHOTS
from genir.training.pretraining import PretrainingConfig, chunk_texts, pretrain, small_t5_config
from genir.training.processes import this_process
from genir.training.snapshots import Snapshots

CURVE = ("step", "loss", "learning_rate")


@dataclass(frozen=True)
class Pretraining:
    """What is trained on the JSON Lines `text`: the model that `start` names, or random weights of
    `shape` for the pieces of `tokenizer`."""

    text: Path
    settings: PretrainingConfig
    start: Start | None = None
    tokenizer: Path | None = None
    shape: dict[str, int] | None = None

    @cached_property
    def identity(self) -> str:
        """Stands for all that is read and set."""
        tokenizer = sorted(self.tokenizer.glob("*.json")) if self.tokenizer else []
        read = start_files(self.start) if self.start else tokenizer
        return identity_of([self.text, *read], self.shape, self.settings)

    def model(self) -> tuple[T5ForConditionalGeneration, PreTrainedTokenizerFast]:
        """Before the first step, in float32. Raises ModelError if the start is no T5, or has fewer
        sentinels than a chunk can have masked spans."""
        if self.start is not None:
            model, tokenizer = load_start(self.start, self.settings.seed)
            if self.settings.objective == "span_corruption":
                _check_sentinels(self.start.path, tokenizer, self.settings)
            model.config.dropout_rate = self.settings.dropout_rate
            return model, tokenizer
        if self.tokenizer is None or self.shape is None:
            raise ModelError("write a tokenizer and a shape, or a start, to be pre-trained")
        check_unchanged(*self.tokenizer.glob("*.json"))
        tokenizer = without_state(AutoTokenizer.from_pretrained(self.tokenizer))
        seed_torch(self.settings.seed, "pretraining-initialisation")
        config = small_t5_config(self.shape, self.settings.dropout_rate, tokenizer)
        return T5ForConditionalGeneration(config), tokenizer

    def pieces(self, tokenizer: PreTrainedTokenizerFast) -> list[np.ndarray]:
        """The text as chunks of tokens."""
        texts = [record["text"] for record in read_jsonl(self.text)]
        return chunk_texts(texts, tokenizer, self.settings.chunk_tokens)

    def run(
        self,
        model: T5ForConditionalGeneration,
        tokenizer: PreTrainedTokenizerFast,
        checkpoint: Checkpoint,
        snapshots: Snapshots = NO_SNAPSHOTS,
        until: int | None = None,
    ) -> list[dict[str, float]]:
        """Train `model` in place; its loss curve."""
        model.to(this_process().device)
        pieces, settings = self.pieces(tokenizer), self.settings
        return pretrain(model, tokenizer, pieces, settings, checkpoint, snapshots, until)


def make_pretrained_model(
    given: Pretraining,
    checkpoints: Path,
    output: Path,
    curve: Path,
    snapshots: Mapping[int, Path] | None = None,
) -> None:
    """Pre-train; the folder `output` gets the weights in half precision and the tokenizer, the CSV
    `curve` the losses. `checkpoints` is removed when all is there. Of every step in `snapshots` the
    weights are kept in the folder it names, for `make_snapshot`."""
    model, tokenizer = given.model()
    checkpoint = Checkpoint(checkpoints, given.identity)
    kept = Snapshots(snapshots or {}, given.identity)
    losses = given.run(model, tokenizer, checkpoint, kept)
    if this_process().is_main:
        _write(output, curve, model.half(), tokenizer, losses)
        checkpoint.remove()


def make_snapshot(
    given: Pretraining, step: int, checkpoints: Path, output: Path, curve: Path
) -> None:
    """The model after `step` steps of a pre-training as `make_pretrained_model` writes it: what
    was kept in `checkpoints` or, if that is not there, trained up to there once more.
    `checkpoints` is removed when all is there."""
    model, tokenizer = given.model()
    checkpoint = Checkpoint(checkpoints, given.identity)
    kept = Snapshots({step: checkpoints}, given.identity).kept(step)
    # Also until all have read it, for the main process removes it.
    this_process().check_agreement(0 if kept is None else 1)
    if kept is not None:
        model.half().load_state_dict(kept["weights"])
        losses = kept["curve"]
    else:
        LOGGER.info("step %d was not kept by the pre-training: training up to there", step)
        losses = given.run(model, tokenizer, checkpoint.below("again"), until=step)
    if this_process().is_main:
        _write(output, curve, model.half(), tokenizer, losses)
        checkpoint.remove()


def _write(
    output: Path,
    curve: Path,
    model: T5ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    losses: Sequence[dict[str, float]],
) -> None:
    with atomic_folder(output) as folder:
        save_plain_model(folder, model, tokenizer)
    write_csv(curve, pd.DataFrame(losses, columns=CURVE))


def _check_sentinels(
    folder: str, tokenizer: PreTrainedTokenizerFast, settings: PretrainingConfig
) -> None:
    spans = most_spans(settings.chunk_tokens, settings.noise_density, settings.mean_span)
    found = len(sentinel_tokens(tokenizer))
    if not found:
        raise ModelError(
            f"the tokenizer of {folder} has no sentinel tokens (<extra_id_0>, <extra_id_1>, ...), "
            "which stand for masked spans; write a T5, T5 v1.1 or Flan-T5 for pretraining.start"
        )
    if found < spans:
        raise ModelError(
            f"the tokenizer of {folder} has {found} sentinel tokens (<extra_id_0> ...), a chunk up "
            f"to {spans} masked spans; write a smaller pretraining.training.chunk_tokens or "
            "noise_density, or a larger mean_span"
        )
