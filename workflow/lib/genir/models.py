"""Loading T5 models, giving them docid tokens, saving them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from transformers import (
    AutoConfig,
    AutoTokenizer,
    PreTrainedTokenizerBase,
    T5ForConditionalGeneration,
)

from genir.errors import ModelError
from genir.files import read_json, write_json
from genir.seeding import seed_from
from genir.torch_seeding import seed_torch

DOCIDS_FILE = "docids.json"


@dataclass(frozen=True)
class Start:
    """What fine-tuning starts from: a folder, a hub id at a revision, or random weights in the
    shape and with the tokenizer of the folder `path`."""

    type: Literal["folder", "hub", "random"]
    path: str = ""
    id: str = ""
    revision: str = ""


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
    folder = _existing(start.path)
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    return random_model(config, seed), AutoTokenizer.from_pretrained(folder, local_files_only=True)


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


def load_docids(path: Path | str, vocabulary: int) -> dict[str, int]:
    """The token of each docid.

    Raises ModelError if the file is not a JSON object of distinct tokens below `vocabulary`.
    """
    try:
        docids = read_json(path)
    except (OSError, ValueError) as error:
        raise ModelError(
            f'{path} is not a docid mapping ({{"<doc_id>": <token>}}): {error}'
        ) from None
    if not isinstance(docids, dict) or not docids:
        raise ModelError(f'{path} must be a JSON object {{"<doc_id>": <token>, ...}}')
    seen: dict[int, str] = {}
    for doc_id, token in docids.items():
        if type(token) is not int or not 0 <= token < vocabulary:
            raise ModelError(
                f"{path}: docid {doc_id!r} has token {token!r}; write a whole number "
                f"from 0 to {vocabulary - 1}, the model's last row"
            )
        if token in seen:
            raise ModelError(
                f"{path}: docids {seen[token]!r} and {doc_id!r} share token {token}; "
                "every document needs a token of its own"
            )
        seen[token] = doc_id
    return docids
