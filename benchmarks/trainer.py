"""Fine-tune the default model with this project's trainer and with Hugging Face's Seq2SeqTrainer.

Both see the same batches in the same order, with the same optimiser and schedule, from the same
weights, in turn and on one thread. Quality is measured on development queries (see tuning.py).
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from tuning import REPOSITORY, Data, development_ranks, development_split

from genir.files.checkpoint import Checkpoint  # isort: skip
from transformers import (
    DataCollatorForSeq2Seq,
    PreTrainedTokenizerBase,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    T5ForConditionalGeneration,
    TrainerCallback,
)

from genir.base.progress import LOGGER, configure_logging
from genir.base.seeding import EpochSampler
from genir.engine.devices import seed_torch
from genir.engine.one_step import OneStep
from genir.files.io import write_json, write_text
from genir.models.load import add_docids, load_start
from genir.models.start import Start
from genir.models.tokens import truncated_tokens
from genir.training import loop
from genir.training.finetuning import Examples, FinetuningConfig, build_examples, finetune
from genir.training.optimization import build_optimizer
from genir.training.pretraining import PretrainingConfig
from genir.training.trainable import trained_parts

EVALUATIONS = 20
TARGET_HITS_AT_10 = 0.75


@dataclass
class Run:
    """One training: seconds spent training at every evaluation, the quality there, and the loss
    curve as {step: loss}."""

    seconds: list[float]
    hits_at_10: list[float]
    hits_at_1: list[float]
    losses: dict[int, float]


@dataclass(frozen=True)
class Task:
    """What both trainers start from."""

    model: T5ForConditionalGeneration
    tokenizer: PreTrainedTokenizerBase
    docids: dict[str, int]
    examples: dict[str, Examples]
    inputs: list[np.ndarray]
    data: Data

    def hits(self) -> tuple[float, float]:
        """Hits@1 and Hits@10 of the development queries now, without dropout."""
        ranks = development_ranks(self.data, OneStep(self.model), self.docids, self.inputs)
        return float((ranks <= 1).mean()), float((ranks <= 10).mean())


def new_task(data: Data, config: FinetuningConfig) -> Task:
    """The default model before fine-tuning."""
    start = Start("folder", path=str(REPOSITORY / "resources/mini-t5"))
    model, tokenizer = load_start(start, config.seed)
    docids = add_docids(model, data.documents["doc_id"].tolist(), config.seed)
    pieces = tokenizer.backend_tokenizer
    examples = build_examples(data.documents, data.pairs, docids, pieces, config)
    inputs = truncated_tokens(data.development["text"], pieces, config.query_tokens)
    return Task(model, tokenizer, docids, examples, inputs, data)


class Watch:
    """Evaluates at every n-th step and leaves the time it takes out of the count."""

    def __init__(self, task: Task, every: int) -> None:
        self.task, self.every, self.run = task, every, Run([], [], [], {})
        self.spent, self.since = 0.0, time.perf_counter()

    def step(self, number: int) -> None:
        if number % self.every:
            return
        self.spent += time.perf_counter() - self.since
        first, tenth = self.task.hits()
        self.run.seconds.append(self.spent)
        self.run.hits_at_1.append(first)
        self.run.hits_at_10.append(tenth)
        self.since = time.perf_counter()


def ours(task: Task, config: FinetuningConfig, watch: Watch) -> None:
    """This project's trainer, watched through its progress."""

    class Watched(loop.Progress):
        def update(self, done: int, note: str = "") -> None:
            watch.step(done)

    original = loop.Progress
    loop.Progress = Watched
    try:
        with tempfile.TemporaryDirectory() as folder:
            checkpoint, first = Checkpoint(Path(folder)), min(task.docids.values())
            curve = finetune(task.model, task.examples, config, checkpoint, first)
        watch.run.losses = {int(row["step"]): row["loss"] for row in curve}
    finally:
        loop.Progress = original


def training_arguments(
    folder: str, config: FinetuningConfig | PretrainingConfig
) -> Seq2SeqTrainingArguments:
    """The steps and batches of `config` on the CPU, with nothing saved, logged or clipped."""
    return Seq2SeqTrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=config.batch_size,
        max_steps=config.steps,
        save_strategy="no",
        report_to=[],
        logging_strategy="no",
        disable_tqdm=True,
        max_grad_norm=0.0,
        use_cpu=True,
        seed=config.seed,
    )


def hugging_face(task: Task, config: FinetuningConfig, watch: Watch) -> None:
    """Seq2SeqTrainer: both tasks padded together, the whole model on the one-token target."""
    samplers = {
        name: EpochSampler(len(task.examples[name].inputs), size, config.seed, name)
        for name, size in config.halves().items()
    }
    rows = [
        {"input_ids": task.examples[name].inputs[i].tolist(), "labels": [int(label)]}
        for step in range(config.steps)
        for name, sample in samplers.items()
        for i in sample(step)
        for label in [task.examples[name].labels[i]]
    ]
    task.model.config.dropout_rate = config.dropout_rate
    for module in task.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = config.dropout_rate
        elif hasattr(module, "dropout") and isinstance(module.dropout, float | int):
            module.dropout = config.dropout_rate
    seed_torch(config.seed, "hugging-face")
    first_docid = min(task.docids.values())
    docids = trained_parts(task.model, first_docid, "all", config.rate_of_docids).docids
    recent: list[float] = []
    every = max(1, config.steps // loop.CURVE_POINTS)

    class Ordered(Seq2SeqTrainer):
        def _get_train_sampler(self, *_: object) -> torch.utils.data.Sampler:
            return torch.utils.data.SequentialSampler(rows)

        def training_step(self, *arguments: object, **named: object) -> torch.Tensor:
            loss = super().training_step(*arguments, **named)
            recent.append(loss.item())
            return loss

    class Evaluated(TrainerCallback):
        def on_step_end(self, args: object, state: object, control: object, **_: object) -> None:
            if state.global_step % every == 0:
                watch.run.losses[state.global_step] = float(np.mean(recent[-every:]))
            watch.step(state.global_step)

    with tempfile.TemporaryDirectory() as folder:
        arguments = training_arguments(folder, config)
        Ordered(
            model=task.model,
            args=arguments,
            train_dataset=rows,
            data_collator=DataCollatorForSeq2Seq(task.tokenizer, task.model),
            optimizers=build_optimizer(task.model.parameters(), config, docids),
            callbacks=[Evaluated()],
        ).train()


TRAINERS: dict[str, Callable[[Task, FinetuningConfig, Watch], None]] = {
    "genir": ours,
    "seq2seq_trainer": hugging_face,
}


def measure(data: Data, config: FinetuningConfig, seeds: list[int]) -> dict[str, dict[int, Run]]:
    """Every trainer with every seed, in turn."""
    runs: dict[str, dict[int, Run]] = {name: {} for name in TRAINERS}
    for seed in seeds:
        for name, trainer in TRAINERS.items():
            seeded = replace(config, seed=seed)
            task = new_task(data, seeded)
            watch = Watch(task, max(1, config.steps // EVALUATIONS))
            trainer(task, seeded, watch)
            runs[name][seed] = watch.run
            LOGGER.info(
                "%s, seed %d: %.1f s, Hits@1 %.3f, Hits@10 %.3f",
                *(name, seed, watch.run.seconds[-1]),
                *(watch.run.hits_at_1[-1], watch.run.hits_at_10[-1]),
            )
    return runs


def time_to(run: Run, hits: float) -> float | None:
    """Seconds of training until Hits@10 was first seen at `hits` or more."""
    reached = [s for s, h in zip(run.seconds, run.hits_at_10, strict=True) if h >= hits]
    return round(reached[0], 1) if reached else None


def summary(runs: dict[str, dict[int, Run]], config: FinetuningConfig, n: int) -> dict:
    """What trainer.json holds."""
    rates = {
        name: {seed: config.batch_size * config.steps / run.seconds[-1] for seed, run in by.items()}
        for name, by in runs.items()
    }
    ratios = [rates["genir"][seed] / rates["seq2seq_trainer"][seed] for seed in rates["genir"]]
    times = {
        name: {seed: time_to(run, TARGET_HITS_AT_10) for seed, run in by.items()}
        for name, by in runs.items()
    }
    late = 0.9 * config.steps
    return {
        "ratio_to_seq2seq_trainer": float(np.median(ratios)),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "examples_per_second": {
            name: float(np.median(list(by.values()))) for name, by in rates.items()
        },
        f"seconds_to_hits_at_10_of_{TARGET_HITS_AT_10}": times,
        "qualities": {
            name: {
                "hits_at_1": {seed: run.hits_at_1[-1] for seed, run in by.items()},
                "hits_at_10": {seed: run.hits_at_10[-1] for seed, run in by.items()},
                "loss_of_last_tenth": {
                    seed: float(np.mean([v for s, v in run.losses.items() if s > late]))
                    for seed, run in by.items()
                },
            }
            for name, by in runs.items()
        },
        "development_queries": n,
        "settings": {"steps": config.steps, "batch_size": config.batch_size},
        "threads": torch.get_num_threads(),
        "machine": {"architecture": platform.machine(), "cores": os.cpu_count()},
        "versions": {name: version(name) for name in ("torch", "transformers", "accelerate")},
    }


def curves(runs: dict[str, dict[int, Run]]) -> pd.DataFrame:
    """trainer, seed, step, loss."""
    rows = [
        (name, seed, step, loss)
        for name, by in runs.items()
        for seed, run in by.items()
        for step, loss in run.losses.items()
    ]
    return pd.DataFrame(rows, columns=["trainer", "seed", "step", "loss"])


def table(result: dict) -> str:
    """trainer.md: one value per seed."""
    lines = ["| Trainer | examples/s | Hits@1 | Hits@10 | loss, last tenth |", 5 * "|---" + "|"]
    for name, quality in result["qualities"].items():
        cells = [
            " / ".join(f"{value:.3f}" for value in quality[key].values())
            for key in ("hits_at_1", "hits_at_10", "loss_of_last_tenth")
        ]
        rate = result["examples_per_second"][name]
        lines.append(f"| {name} | {rate:.0f} | " + " | ".join(cells) + " |")
    ratio, low, high = (result[k] for k in ("ratio_to_seq2seq_trainer", "ratio_low", "ratio_high"))
    n, threads = result["development_queries"], result["threads"]
    lines += ["", f"{n} development queries, one value for each seed, {threads} thread(s)."]
    lines += ["", f"Ratio of examples per second: {ratio:.2f} ({low:.2f} to {high:.2f})."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a folder of results/subset_corpus")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "benchmarks/results")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, help="fewer steps than the default config, for a try")
    arguments = parser.parse_args()
    configure_logging()
    torch.set_num_threads(1)
    default = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())["finetuning"]
    config = FinetuningConfig(**(default | {"checkpoint_every": 10**9}))
    config = replace(config, steps=arguments.steps or config.steps)
    data = development_split(arguments.data, 500)
    runs = measure(data, config, arguments.seeds)
    result = summary(runs, config, len(data.development))
    write_json(arguments.out / "trainer.json", result)
    write_text(arguments.out / "trainer.md", table(result) + "\n")
    write_text(arguments.out / "trainer_loss.csv", curves(runs).to_csv(index=False))
    print(table(result))


if __name__ == "__main__":
    main()
