"""The mapping from documents to the tokens that stand for them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from genir.base.errors import ModelError
from genir.base.names import PUBLISHED
from genir.engine.model_json import read_object

DOCIDS_FILE = "docids.json"


def load_docids(path: Path | str, vocabulary: int) -> dict[str, int]:
    """The token of each docid.

    Raises ModelError if the file is not a JSON object of distinct tokens below `vocabulary`.
    """
    try:
        docids = read_object(path, byte_order_mark=True)
    except ModelError as error:
        raise ModelError(
            f'{path} is not a docid mapping {{"<doc_id>": <token>, ...}}: {error}'
        ) from None
    if not docids:
        raise ModelError(f'{path} must be a JSON object {{"<doc_id>": <token>, ...}}')
    return _checked(docids.items(), path, vocabulary)


def published_docids(folder: Path | str, vocabulary: int) -> dict[str, int]:
    """The token of each docid of a published checkpoint, found by its spelling `@DOC_ID_<doc_id>@`
    among the tokens that were added to the tokenizer.

    Raises ModelError if there are none, or if they do not belong to a model of `vocabulary` rows.
    """
    tokens = added_tokens(folder)
    matches = ((PUBLISHED.fullmatch(content), token) for content, token in tokens)
    docids = list(dict.fromkeys((match[1], token) for match, token in matches if match))
    if not docids:
        raise ModelError(
            f"the tokenizer in {folder} has no token @DOC_ID_<doc_id>@ among {len(tokens)} added "
            'ones; name a JSON file {"<doc_id>": <token>} with the key docids'
        )
    last = max(token for _, token in docids)
    if last >= vocabulary:
        raise ModelError(
            f"the tokenizer in {folder} has docid tokens up to {last}, the model {vocabulary} "
            "rows: they are not of one checkpoint; take tokenizer and weights from the same folder"
        )
    return _checked(docids, f"the tokenizer in {folder}", vocabulary)


def added_tokens(folder: Path | str) -> list[tuple[str, int]]:
    """Content and id of the tokens that tokenizer.json and, if it is there, added_tokens.json list
    beside the pieces."""
    listed = read_tokenizer(folder)["added_tokens"]
    tokens = [(token["content"], token["id"]) for token in listed]
    older = Path(folder) / "added_tokens.json"
    return tokens + (list(read_object(older).items()) if older.is_file() else [])


def read_tokenizer(folder: Path | str) -> dict[str, Any]:
    """The content of tokenizer.json. Raises ModelError if there is none, or it is no tokenizer."""
    path = Path(folder) / "tokenizer.json"
    if not path.is_file():
        raise ModelError(
            f"{folder} has no tokenizer.json; with sentencepiece and protobuf installed, "
            "AutoTokenizer.from_pretrained(<folder>).save_pretrained(<folder>) writes one; "
            "`snakemake fetch` makes one of spiece.model or tokenizer.model for a model of the hub"
        )
    tokenizer = read_object(path)
    tokens = tokenizer.setdefault("added_tokens", [])
    if not isinstance(tokens, list) or not all(map(_is_token, tokens)):
        raise ModelError(f"{path}: added_tokens is no list of tokens; get the folder again")
    return tokenizer


def _is_token(token: Any) -> bool:
    return isinstance(token, dict) and isinstance(token.get("content"), str) and "id" in token


def _checked(
    docids: Iterable[tuple[str, Any]], where: Path | str, vocabulary: int
) -> dict[str, int]:
    """The mapping, if its tokens are rows of the model and no two documents share one."""
    seen: dict[int, str] = {}
    mapping: dict[str, int] = {}
    for doc_id, token in docids:
        if any("\ud800" <= character <= "\udfff" for character in doc_id):
            raise ModelError(f"{where}: docid {doc_id!r} is no text; write it in UTF-8")
        if type(token) is not int or not 0 <= token < vocabulary:
            raise ModelError(
                f"{where}: docid {doc_id!r} has token {token!r}; write a whole number "
                f"from 0 to {vocabulary - 1}, the model's last row"
            )
        if token in seen:
            raise ModelError(
                f"{where}: docids {seen[token]!r} and {doc_id!r} share token {token}; "
                "every document needs a token of its own"
            )
        if doc_id in mapping:
            raise ModelError(
                f"{where}: docid {doc_id!r} has tokens {mapping[doc_id]} and {token}; "
                "every document needs one"
            )
        seen[token] = doc_id
        mapping[doc_id] = token
    return mapping
