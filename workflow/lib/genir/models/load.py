"""Loading T5 models, giving them docid tokens, saving them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from genir.base.errors import ModelError, UserError
from genir.base.seeding import seed_from
from genir.engine.devices import seed_torch
from genir.engine.model_config import read_config
from genir.engine.model_files import files_read
from genir.engine.model_json import read_object
from genir.engine.t5 import EVERY_LAYER, cannot_be_loaded, load_t5
from genir.engine.weights import check_module
from genir.files.damage import check_unchanged, reading
from genir.files.io import read_json, write_json
from genir.models.docids import DOCIDS_FILE
from genir.models.plain import PlainT5, PlainTokenizer, can_be_plain
from genir.models.start import Start
from genir.models.tokens import check_pieces, plain

# Importing them takes longer than what is done without them.
if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, T5Config, T5ForConditionalGeneration

POSITIONS = 512
_READ_BY_LIBRARIES = (
    "added_tokens.json",
    "generation_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
_STATE = (
    "max_length",
    "pad_to_multiple_of",
    "pad_token_type_id",
    "padding_side",
    "stride",
    "truncation_side",
    "truncation_strategy",
)
"""What transformers notes of the padding and truncation in a tokenizer.json."""


def load_weights(
    start: Start, seed: int
) -> "tuple[PlainT5 | T5ForConditionalGeneration, PlainTokenizer | PreTrainedTokenizerBase]":
    """As `load_start`, for what reads the weights alone: without the model's own `forward` where
    transformers is not needed."""
    if start.type == "folder" and can_be_plain(_checked(start.path)):
        return PlainT5(start.path), PlainTokenizer(start.path)
    return load_start(start, seed)


def load_start(
    start: Start, seed: int
) -> "tuple[T5ForConditionalGeneration, PreTrainedTokenizerBase]":
    """The starting model in float32, in evaluation mode, and its tokenizer.

    Raises ModelError if the folder cannot be read as a T5.
    """
    model = load_model(start.path) if start.type == "folder" else random_like(start.path, seed)
    return model, load_tokenizer(start.path)


def random_like(folder: Path | str, seed: int) -> "T5ForConditionalGeneration":
    """A random model in the shape of the one in `folder`."""
    return random_model(_config(_checked(folder)), seed)


def random_model(config: "T5Config", seed: int) -> "T5ForConditionalGeneration":
    """T5's own initialisation in the shape of `config`, a function of `seed` alone. T5 v1.1, mT5
    and umT5 get an output projection of their own, drawn as T5 v1.1's is; transformers 5 would tie
    it."""
    seed_torch(seed, "initialisation")
    model = _class_of(config)(config).eval()
    if not getattr(config, "scale_decoder_outputs", False):
        head = torch.randn(model.shared.weight.shape) * config.initializer_factor
        model.lm_head.weight = torch.nn.Parameter(head)
    return _unscaled(model)


def load_model(folder: Path | str) -> "T5ForConditionalGeneration":
    """A saved model in float32 and evaluation mode. Raises ModelError if it cannot be read."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    config = _config(_checked(folder))
    settings = {"config": config, "dtype": torch.float32, "use_safetensors": True}
    load_t5(folder).weights.check_all()
    try:
        model = _class_of(config).from_pretrained(folder, local_files_only=True, **settings)
    except UserError:
        raise
    except Exception as error:
        raise cannot_be_loaded(folder, error) from None
    return _unscaled(model).eval()


def load_tokenizer(folder: Path | str) -> "PreTrainedTokenizerBase":
    """The tokenizer saved beside a model. Raises ModelError if there is none."""
    from transformers import AutoTokenizer

    existing = _checked(folder)
    try:
        with reading(Path(folder) / "tokenizer.json"):
            tokenizer = AutoTokenizer.from_pretrained(existing, local_files_only=True)
    except UserError:
        raise
    except Exception as error:
        raise ModelError(
            f"{folder} holds no readable tokenizer.json: {error}; a checkpoint with spiece.model "
            "gets one where sentencepiece and protobuf are installed, by AutoTokenizer's "
            "from_pretrained and save_pretrained"
        ) from None
    without_state(tokenizer)
    check_pieces(tokenizer.backend_tokenizer, Path(folder))
    return tokenizer


def without_state(tokenizer: "PreTrainedTokenizerBase") -> "PreTrainedTokenizerBase":
    """The same tokenizer without padding, truncation and random pieces, which its file or a use of
    it switched on; transformers would write them into both files that it saves."""
    backend = tokenizer.backend_tokenizer
    if backend.padding is not None or backend.truncation is not None:
        for name in _STATE:
            tokenizer.init_kwargs.pop(name, None)
    plain(backend)
    return tokenizer


def save_plain_model(
    folder: Path,
    model: "PlainT5 | T5ForConditionalGeneration",
    tokenizer: "PlainTokenizer | PreTrainedTokenizerBase",
) -> None:
    """Write weights (safetensors), configuration and tokenizer into one folder.

    config.json says whether the output projection is the token embedding; transformers 5 writes
    that it is for every T5. TransformerLens asks for `n_positions`, which T5 does not limit.

    Raises ModelError if a weight is not finite.
    """
    check_module(model, "the model to be saved")
    model.save_pretrained(folder)
    config, tied = read_json(folder / "config.json"), model.lm_head.weight is model.shared.weight
    stated = {"tie_word_embeddings": tied, "n_positions": config.get("n_positions", POSITIONS)}
    write_json(folder / "config.json", config | stated)
    without_state(tokenizer).save_pretrained(folder)


def _checked(folder: Path | str) -> str:
    """Raises ModelError if a JSON file of a model folder cannot be read, before a library says so
    in words of its own."""
    read_config(folder)
    files = [path for path in files_read(folder, weights=False) if path.suffix == ".json"]
    for path in files:
        if path.name in _READ_BY_LIBRARIES:
            read_object(path)
    check_unchanged(*files)
    return str(folder)


def _config(folder: str) -> "T5Config":
    """The configuration of a T5 or umT5; that of an mT5 as the T5 v1.1 it computes."""
    from transformers import AutoConfig, T5Config

    try:
        with reading(Path(folder) / "config.json"):
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except UserError:
        raise
    except Exception as error:
        raise cannot_be_loaded(folder, error) from None
    if config.model_type in ("t5", EVERY_LAYER):
        return config
    as_t5 = {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}
    return T5Config.from_dict(config.to_dict() | as_t5 | {"scale_decoder_outputs": False})


def _class_of(config: "T5Config") -> "type[T5ForConditionalGeneration]":
    """The class of a model; that of umT5 has the same parts by the same names."""
    from transformers import T5ForConditionalGeneration, UMT5ForConditionalGeneration

    umt5 = config.model_type == EVERY_LAYER
    return UMT5ForConditionalGeneration if umt5 else T5ForConditionalGeneration


def _unscaled(model: "T5ForConditionalGeneration") -> "T5ForConditionalGeneration":
    """The same model; that of a umT5 with logits that are not scaled, as it was trained. To
    transformers 5 its output projection is tied once it is read, and it scales."""
    if model.config.model_type == EVERY_LAYER:
        model.config.tie_word_embeddings = False
    return model


def add_docids(
    model: "PlainT5 | T5ForConditionalGeneration", doc_ids: Sequence[str], seed: int
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
    model: "PlainT5 | T5ForConditionalGeneration",
    tokenizer: "PlainTokenizer | PreTrainedTokenizerBase",
    docids: dict[str, int],
) -> None:
    """Write a model, its tokenizer and the docid mapping into one folder.

    Raises ModelError if a weight is not finite.
    """
    save_plain_model(folder, model, tokenizer)
    write_json(folder / DOCIDS_FILE, docids)
