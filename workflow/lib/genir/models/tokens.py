"""From text to token ids, padded or not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from genir.base.errors import ModelError, UserError
from genir.engine.model_config import end_tokens, read_config
from genir.engine.model_files import shortly
from genir.engine.model_json import read_object
from genir.files.damage import reading

RANDOM = ("dropout", "alpha", "nbest_size")
"""Settings of BPE and unigram tokenizers that make the pieces of a text random."""


def read_pieces(folder: Path | str) -> Tokenizer:
    """The tokenizer in a model folder, without what its file may switch on: padding, truncation,
    random pieces.

    Raises DamagedFileError if the file is damaged, and ModelError if it is no tokenizer, or not
    that of the model beside it.
    """
    path = Path(folder) / "tokenizer.json"
    try:
        with reading(path):
            tokenizer = Tokenizer.from_file(str(path))
    except UserError:
        raise
    except Exception as error:
        read_object(path)
        raise ModelError(f"{path} is no tokenizer ({error}); get the folder again") from None
    plain(tokenizer)
    check_pieces(tokenizer, Path(folder))
    return tokenizer


def plain(tokenizer: Tokenizer) -> Tokenizer:
    """The same tokenizer, with what its file brought along switched off."""
    tokenizer.no_padding()
    tokenizer.no_truncation()
    for name in RANDOM:
        if getattr(tokenizer.model, name, None) is not None:
            setattr(tokenizer.model, name, None)
    return tokenizer


def check_pieces(tokenizer: Tokenizer, folder: Path) -> None:
    """Raises ModelError unless every token is a row of the model in `folder`, every text ends with
    the model's end token, and other files there say the same of the tokens."""
    config = read_config(folder)
    tokens = tokenizer.get_vocab()
    name, last = max(tokens.items(), key=lambda entry: entry[1], default=("", -1))
    if last >= config["vocab_size"]:
        raise ModelError(
            f"{folder}: the tokenizer has tokens up to {last} ({name!r}), the model "
            f"{config['vocab_size']} rows (vocab_size); take both from the same checkpoint"
        )
    ends = end_tokens(config)
    for text in ("", "a"):
        found = tokenizer.encode(text).ids
        if not found or found[-1] not in ends:
            said = tokenizer.id_to_token(found[-1]) if found else "nothing"
            raise ModelError(
                f"{folder}/tokenizer.json ends a text with {said!r} and not with the end token "
                f"of config.json, {ends[0]} ({tokenizer.id_to_token(ends[0])!r}); give it the "
                "post-processor of T5, or correct eos_token_id"
            )
    _check_other_files(tokens, config, folder)


def _check_other_files(tokens: dict[str, int], config: dict[str, Any], folder: Path) -> None:
    """Tokens that another file adds or numbers otherwise would be others to transformers."""
    settings = _settings(folder / "tokenizer_config.json")
    for key in ("pad_token", "eos_token"):
        said, ids = settings.get(key), config[f"{key}_id"]
        content = said.get("content") if isinstance(said, dict) else said
        if content in tokens and tokens[content] not in (ids if isinstance(ids, list) else [ids]):
            raise ModelError(
                f"{folder}: {key} is {content!r} in tokenizer_config.json, token "
                f"{tokens[content]}, but {key}_id is {ids} in config.json; correct the wrong one"
            )
    added = dict(_settings(folder / "added_tokens.json"))
    listed = settings.get("added_tokens_decoder")
    for token, said in (listed if isinstance(listed, dict) else {}).items():
        if isinstance(said, dict) and str(token).isdecimal():
            added[said.get("content")] = int(token)
    other = [content for content, token in added.items() if tokens.get(content) != token]
    if other:
        raise ModelError(
            f"{folder}: added_tokens.json or tokenizer_config.json adds tokens that tokenizer.json "
            f"does not have, or has with another number: {shortly(list(map(repr, other)))}; save "
            "the tokenizer again (AutoTokenizer's from_pretrained and save_pretrained)"
        )


def _settings(path: Path) -> dict[str, Any]:
    return read_object(path) if path.is_file() else {}


def truncated_tokens(texts: Sequence[str], tokenizer: Tokenizer, tokens: int) -> list[np.ndarray]:
    """Token ids of every text, cut to `tokens` with the end token kept."""
    tokenizer.enable_truncation(tokens)
    return [np.array(encoding.ids) for encoding in tokenizer.encode_batch(list(texts))]


def pad_rows(rows: list[np.ndarray], fill: int) -> np.ndarray:
    """Rows of unequal length as one `[row, longest]` array, filled up on the right."""
    padded = np.full((len(rows), max(map(len, rows))), fill, dtype=np.int64)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded
