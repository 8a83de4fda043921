"""Bringing a model that was trained elsewhere into the results, as it is."""

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from genir.base.errors import ModelError
from genir.base.names import PUBLISHED
from genir.base.progress import LOGGER
from genir.engine.model_files import checkpoint_files
from genir.engine.model_json import read_object
from genir.engine.t5 import load_t5
from genir.files.io import atomic_folder, write_json
from genir.models.docids import DOCIDS_FILE, load_docids, published_docids, read_tokenizer
from genir.models.tokens import read_pieces


def import_checkpoint(
    folder: Path, mapping: Path | None, documents: Iterable[str], output: Path
) -> None:
    """Copy weights (in any precision, in one file or several) and tokenizer, and write the docid
    mapping beside them: `mapping`, or what the tokenizer calls @DOC_ID_<doc_id>@.

    The embedding keeps its rows; the tokenizer loses the docid tokens, which make it slow by the
    hundred thousand and occur in no query. Raises ModelError if the folder holds no T5 in
    safetensors or one of `documents` has no token.
    """
    model = load_t5(folder)
    rows = len(model.embedding)
    docids = load_docids(mapping, rows) if mapping else published_docids(folder, rows)
    _check_covered(docids, documents, mapping or folder)
    model.weights.check_all()
    with atomic_folder(output) as temporary:
        for file in [folder / "config.json", *checkpoint_files(folder)]:
            shutil.copyfile(file, temporary / file.name)
        write_tokenizer(folder, set(docids.values()), temporary)
        _tell_of_pieces(read_pieces(temporary), docids)
        write_json(temporary / DOCIDS_FILE, docids)


def _check_covered(docids: dict[str, int], documents: Iterable[str], where: Path) -> None:
    missing = [document for document in documents if document not in docids]
    if missing:
        raise ModelError(
            f"{where} has no token for {len(missing)} documents of the dataset, {missing[0]!r} "
            "first; use the documents, queries and qrels that the model was trained with"
        )


def _tell_of_pieces(tokenizer: Tokenizer, docids: dict[str, int]) -> None:
    """A mapping whose numbers count documents, and not rows, points at pieces of text."""
    pieces = {doc_id: tokenizer.id_to_token(token) for doc_id, token in docids.items()}
    if shared := [(doc_id, piece) for doc_id, piece in pieces.items() if piece is not None]:
        doc_id, piece = shared[0]
        LOGGER.warning(
            "%d docid tokens are pieces of text too, that of %r first, which is %r: is the mapping "
            "one to rows of the model?",
            *(len(shared), doc_id, piece),
        )


def write_tokenizer(folder: Path, docid_tokens: Collection[int], output: Path) -> None:
    """Write the tokenizer in `folder` without its `docid_tokens`; all other text has the same
    tokens as before. Padding and truncation that are saved in it are left out."""
    tokenizer = read_tokenizer(folder) | {"padding": None, "truncation": None}
    removed = {t["content"] for t in tokenizer["added_tokens"] if t["id"] in docid_tokens}
    tokenizer["added_tokens"] = [
        token for token in tokenizer["added_tokens"] if token["id"] not in docid_tokens
    ]
    write_json(output / "tokenizer.json", tokenizer)
    settings = folder / "tokenizer_config.json"
    if settings.is_file():
        write_json(output / settings.name, _without(read_object(settings), removed))
    older = folder / "added_tokens.json"
    added = read_object(older) if older.is_file() else {}
    kept = {
        content: token
        for content, token in added.items()
        if token not in docid_tokens and not PUBLISHED.fullmatch(content)
    }
    if kept:
        write_json(output / older.name, kept)


def _without(settings: dict[str, Any], removed: Collection[str]) -> dict[str, Any]:
    """tokenizer_config.json without the removed tokens, which it lists by id and by name."""
    kept: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            value = {k: v for k, v in value.items() if _content(v) not in removed}
        elif isinstance(value, list):
            value = [v for v in value if _content(v) not in removed]
        kept[key] = value
    return kept


def _content(token: Any) -> str | None:
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None
