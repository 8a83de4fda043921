"""Pre-train a mini-T5 with this project's trainer and with Hugging Face's Seq2SeqTrainer.

Both see the same corrupted batches in the same order, with the same optimiser and schedule, from
the same weights, in turn and on one thread. The text is that of `snakemake pretraining_text`.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import yaml
from trainer import training_arguments
from tuning import REPOSITORY

from genir.files.checkpoint import Checkpoint  # isort: skip
from transformers import (
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    PreTrainedTokenizerBase,
    Seq2SeqTrainer,
    T5ForConditionalGeneration,
)

from genir.base.progress import LOGGER, configure_logging
from genir.base.seeding import EpochSampler, generator
from genir.engine.devices import product_type, seed_torch
from genir.files.io import read_jsonl, write_json
from genir.models.load import without_state
from genir.models.tokenizer import sentinel_tokens
from genir.training.optimization import build_optimizer
from genir.training.pretraining import (
    PretrainingConfig,
    chunk_texts,
    pretrain,
    small_t5_config,
    task_pairs,
)

Losses = list[float]


def new_model(
    tokenizer: PreTrainedTokenizerBase, shape: dict[str, int], config: PretrainingConfig
) -> T5ForConditionalGeneration:
    seed_torch(config.seed, "pretraining-initialisation")
    return T5ForConditionalGeneration(small_t5_config(shape, config.dropout_rate, tokenizer))


def ours(
    model: T5ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    pieces: list[np.ndarray],
    config: PretrainingConfig,
) -> Losses:
    with tempfile.TemporaryDirectory() as folder:
        curve = pretrain(model, tokenizer, pieces, config, Checkpoint(Path(folder)))
    return [point["loss"] for point in curve]


def hugging_face(
    model: T5ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    pieces: list[np.ndarray],
    config: PretrainingConfig,
) -> Losses:
    """Seq2SeqTrainer on the same batches, corrupted as it asks for them."""
    sample = EpochSampler(len(pieces), config.batch_size, config.seed, "pretraining-order")
    sentinels = sentinel_tokens(tokenizer)
    losses: Losses = []

    class Corrupted(torch.utils.data.IterableDataset):
        def __iter__(self) -> Iterator[dict[str, list[int]]]:
            for step in range(config.steps):
                rng = generator(config.seed, "pretraining-noise", step)
                rows = [pieces[i] for i in sample(step)]
                batch = task_pairs(rows, config, sentinels, tokenizer.eos_token_id, rng)
                for source, target in zip(*batch, strict=True):
                    yield {"input_ids": source.tolist(), "labels": target.tolist()}

    class Noted(Seq2SeqTrainer):
        def training_step(self, *arguments: object, **named: object) -> torch.Tensor:
            loss = super().training_step(*arguments, **named)
            losses.append(loss.item())
            return loss

    with tempfile.TemporaryDirectory() as folder:
        arguments = training_arguments(folder, config)
        Noted(
            model=model,
            args=arguments,
            train_dataset=Corrupted(),
            data_collator=DataCollatorForSeq2Seq(tokenizer, model),
            optimizers=build_optimizer(model.parameters(), config),
        ).train()
    every = max(1, config.steps // 200)
    return [float(np.mean(losses[i : i + every])) for i in range(0, config.steps, every)]


TRAINERS = {"genir": ours, "seq2seq_trainer": hugging_face}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path, help="results/pretraining_text/text.jsonl")
    parser.add_argument("tokenizer", type=Path, help="a folder with the tokenizer, such as a model")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks/results")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--texts", type=int, default=20000, help="how many texts to read")
    arguments = parser.parse_args()
    configure_logging()
    torch.set_num_threads(1)
    settings = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())["pretraining"]
    config = PretrainingConfig(**(settings["training"] | {"checkpoint_every": 10**9}))
    config = replace(config, steps=arguments.steps)
    tokenizer = without_state(AutoTokenizer.from_pretrained(arguments.tokenizer))
    texts = [record["text"] for record in islice(read_jsonl(arguments.text), arguments.texts)]
    pieces = chunk_texts(texts, tokenizer, config.chunk_tokens)
    rates: dict[str, list[float]] = {name: [] for name in TRAINERS}
    losses: dict[str, list[Losses]] = {name: [] for name in TRAINERS}
    for seed in arguments.seeds:
        for name, trainer in TRAINERS.items():
            seeded = replace(config, seed=seed)
            model = new_model(tokenizer, settings["shape"], seeded)
            since = time.perf_counter()
            losses[name].append(trainer(model, tokenizer, pieces, seeded))
            rates[name].append(config.batch_size * config.steps / (time.perf_counter() - since))
            LOGGER.info(
                "%s, seed %d: %.0f examples/s, loss %.3f",
                *(name, seed, rates[name][-1], losses[name][-1][-1]),
            )
    ratios = [a / b for a, b in zip(rates["genir"], rates["seq2seq_trainer"], strict=True)]
    apart = np.abs(np.subtract(losses["genir"], losses["seq2seq_trainer"]))
    write_json(
        arguments.out / "pretrainer.json",
        {
            "ratio_to_hugging_face": float(np.median(ratios)),
            "ratio_low": min(ratios),
            "ratio_high": max(ratios),
            "examples_per_second": {n: float(np.median(r)) for n, r in rates.items()},
            "loss_of_last_tenth": {
                name: [float(np.mean(curve[-max(1, len(curve) // 10) :])) for curve in curves]
                for name, curves in losses.items()
            },
            "largest_difference_of_the_loss_curves": float(apart.max()),
            "seeds": arguments.seeds,
            "shape": settings["shape"],
            "settings": {"steps": config.steps, "batch_size": config.batch_size},
            "products": str(product_type(config.precision, torch.device("cpu"))),
            "threads": torch.get_num_threads(),
            "machine": {"architecture": platform.machine(), "cores": os.cpu_count()},
            "versions": {name: version(name) for name in ("torch", "transformers", "accelerate")},
        },
    )


if __name__ == "__main__":
    main()
