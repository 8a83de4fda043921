"""Steps a second of fine-tuning and pre-training on the device, in both precisions."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from transformers import T5ForConditionalGeneration

from genir.base.seeding import generator
from genir.engine.devices import Precision, seed_torch
from genir.files.checkpoint import Checkpoint
from genir.models.load import add_docids, load_tokenizer
from genir.training.finetuning import Examples, FinetuningConfig, finetune
from genir.training.pretraining import PretrainingConfig, pretrain, small_t5_config
from measure.parts import NotPossibleError, Piece, Result
from measure.timing import seconds, spread

REPOSITORY = Path(__file__).resolve().parents[2]
T5_BASE = {"d_model": 768, "d_ff": 3072, "d_kv": 64, "num_heads": 12, "num_layers": 12,
           "num_decoder_layers": 12}  # fmt: skip
SHAPES_OF = {"full": ("default", "t5-base"), "tiny": ("tiny",)}
TINY = {"d_model": 16, "d_ff": 24, "d_kv": 4, "num_heads": 3, "num_layers": 2}
SECONDS = {"full": 3.0, "tiny": 0.2}
ROUNDS, DOCUMENTS, QUERY_TOKENS, TEXTS = 3, 1000, 14, 500
NEVER = {"checkpoint_every": 10**9}


def pieces(shape: str, device: torch.device) -> Iterator[Piece]:
    """Every task, in float32 and in bfloat16, of every shape."""
    for name in SHAPES_OF[shape]:
        for task in TASKS:
            for precision in ("float32", "bfloat16"):
                work = partial(steps_a_second, name, task, precision, device, SECONDS[shape])
                yield f"{task}, {name}, {precision}", work


def steps_a_second(
    name: str, task: str, precision: Precision, device: torch.device, at_least: float
) -> Result:
    """Median and range of some rounds of so many steps as take `at_least` that many seconds."""
    model, run, batch = TASKS[task](_shape(name), precision, device)
    run(3)
    steps = max(3, round(3 * at_least / seconds(lambda: run(3))))
    rates, losses = [], []
    for _ in range(ROUNDS):
        rates.append(steps / seconds(lambda: losses.append(run(steps)[-1]["loss"])))
    return {
        "parameters": model.num_parameters(),
        "examples_in_a_step": batch,
        "steps_in_a_round": steps,
        "steps_per_second": spread(rates),
        "examples_per_second": spread([batch * rate for rate in rates]),
        "last_loss": losses[-1],
    }


Curve = list[dict[str, float]]
Task = tuple[T5ForConditionalGeneration, Callable[[int], Curve], int]
"""A model, what trains it for so many steps, and how many examples are in a step."""


def finetuning(shape: dict[str, int], precision: Precision, device: torch.device) -> Task:
    """The default settings, on random documents as long as they are read and random queries."""
    model, _ = _model(shape)
    docids = list(add_docids(model, [str(i) for i in range(DOCUMENTS)], seed=1).values())
    settings = _config()["finetuning"] | NEVER | {"precision": precision}
    labels, tokens = np.array(docids), (settings["document_tokens"], QUERY_TOKENS)
    examples = {
        task: Examples(_texts(DOCUMENTS, length, min(docids)), labels)
        for task, length in zip(("indexing", "retrieval"), tokens, strict=True)
    }
    model.to(device)

    def run(steps: int) -> Curve:
        config = FinetuningConfig(**settings | {"steps": steps})
        return finetune(model, examples, config, Checkpoint(Path("unused")), min(docids))

    return model, run, settings["batch_size"]


def pretraining(shape: dict[str, int], precision: Precision, device: torch.device) -> Task:
    """The default settings, on random pieces of text. Raises NotPossibleError for a precision that
    pre-training does not offer."""
    settings = _config()["pretraining"]["training"] | NEVER
    if any(field.name == "precision" for field in fields(PretrainingConfig)):
        settings |= {"precision": precision}
    elif precision != "float32":
        raise NotPossibleError("pre-training multiplies in float32 alone")
    model, tokenizer = _model(shape)
    pieces = _texts(TEXTS, settings["chunk_tokens"], len(tokenizer) - 100)
    model.to(device)

    def run(steps: int) -> Curve:
        config = PretrainingConfig(**settings | {"steps": steps})
        return pretrain(model, tokenizer, pieces, config, Checkpoint(Path("unused")))

    return model, run, settings["batch_size"]


TASKS: dict[str, Callable[[dict[str, int], Precision, torch.device], Task]] = {
    "finetuning": finetuning,
    "pretraining": pretraining,
}


def _config() -> dict[str, Any]:
    return yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text(encoding="utf-8"))


def _shape(name: str) -> dict[str, int]:
    """Dimensions by name: the default's, T5-base's (with the default's vocabulary), or tiny."""
    named = {"t5-base": T5_BASE, "tiny": TINY}
    return named[name] if name in named else _config()["pretraining"]["shape"]


def _model(shape: dict[str, int]) -> tuple[T5ForConditionalGeneration, Any]:
    """A random model and the tokenizer of the mini-T5."""
    tokenizer = load_tokenizer(REPOSITORY / "resources" / "mini-t5")
    seed_torch("benchmark", "initialisation")
    return T5ForConditionalGeneration(small_t5_config(shape, 0.1, tokenizer)), tokenizer


def _texts(number: int, length: int, vocabulary: int) -> list[np.ndarray]:
    """Random tokens below `vocabulary` that stand for no special one, an end token behind."""
    random = generator("benchmark", "texts", length)
    return [np.append(random.integers(3, vocabulary, length - 1), 1) for _ in range(number)]
