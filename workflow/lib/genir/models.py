"""Loading T5 models, giving them docid tokens, saving them."""

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    T5ForConditionalGeneration,
)

from genir.docids import DOCIDS_FILE
from genir.errors import ModelError
from genir.files import write_json
from genir.seeding import seed_from
from genir.start import Start
from genir.torch_seeding import seed_torch


def load_start(
    start: Start, seed: int
) -> tuple[T5ForConditionalGeneration, PreTrainedTokenizerBase]:
    """The starting model in float32, in evaluation mode, and its tokenizer.

    Raises ModelError if the folder or hub repository cannot be read as a T5.
    """
    if start.type == "hub":
        return _load(start.id, revision=start.revision)
    if start.type == "folder":
        return _load(_existing(start.path), local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(_existing(start.path), local_files_only=True)
    return random_like(start.path, seed), tokenizer


def random_like(folder: Path | str, seed: int) -> T5ForConditionalGeneration:
    """A random model in the shape of the one in `folder`."""
    config = AutoConfig.from_pretrained(_existing(folder), local_files_only=True)
    return random_model(config, seed)


def random_model(config: AutoConfig, seed: int) -> T5ForConditionalGeneration:
    """T5's own initialisation in the shape of `config`, a function of `seed` alone."""
    seed_torch(seed, "initialisation")
    return T5ForConditionalGeneration(config).eval()


def load_model(folder: Path | str) -> T5ForConditionalGeneration:
    """A saved model in float32 and evaluation mode. Raises ModelError if it cannot be read."""
    return _load(_existing(folder), local_files_only=True)[0]


def load_tokenizer(folder: Path | str) -> PreTrainedTokenizerBase:
    """The tokenizer saved beside a model. Raises ModelError if there is none."""
    try:
        return AutoTokenizer.from_pretrained(_existing(folder), local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} holds no readable tokenizer: {error}") from None


def _existing(folder: Path | str) -> str:
    if not (Path(folder) / "config.json").is_file():
        raise ModelError(
            f"{folder} has no config.json; name a folder written by save_pretrained, "
            "with model.safetensors and a tokenizer"
        )
    return str(folder)


def _load(name: str, **where: object) -> tuple[T5ForConditionalGeneration, PreTrainedTokenizerBase]:
    try:
        model = T5ForConditionalGeneration.from_pretrained(
            name, dtype=torch.float32, use_safetensors=True, **where
        )
        tokenizer = AutoTokenizer.from_pretrained(name, **where)
    except Exception as error:
        raise ModelError(f"{name} cannot be loaded as a T5 model: {error}") from None
    return model.eval(), tokenizer


def add_docids(
    model: T5ForConditionalGeneration, doc_ids: Sequence[str], seed: int
) -> dict[str, int]:
    """Append one embedding row per document; returns the token of each docid.

    New rows are drawn from a normal distribution with the standard deviation of the rows that are
    there. The rows go after the checkpoint's last one, which is beyond the tokenizer's last piece.
    """
    old = model.shared.weight.data
    tied = model.lm_head.weight is model.shared.weight
    random = torch.Generator().manual_seed(seed_from(seed, "docid-rows"))
    grown = _with_random_rows(old, len(doc_ids), random)
    embedding = torch.nn.Embedding.from_pretrained(grown, freeze=False)
    model.set_input_embeddings(embedding)
    head = torch.nn.Linear(old.shape[1], len(grown), bias=False)
    head.weight = (
        embedding.weight
        if tied
        else torch.nn.Parameter(_with_random_rows(model.lm_head.weight.data, len(doc_ids), random))
    )
    model.lm_head = head
    for config in (model.config, model.encoder.config, model.decoder.config):
        config.vocab_size = len(grown)
    return {doc_id: len(old) + i for i, doc_id in enumerate(doc_ids)}


def _with_random_rows(weight: torch.Tensor, rows: int, random: torch.Generator) -> torch.Tensor:
    new = torch.randn(rows, weight.shape[1], generator=random) * weight.std()
    return torch.cat([weight, new])


def save_model(
    folder: Path,
    model: T5ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    docids: dict[str, int],
) -> None:
    """Write weights (safetensors), tokenizer and the docid mapping into one folder."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_json(folder / DOCIDS_FILE, docids)
