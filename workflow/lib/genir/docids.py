"""The mapping from documents to the tokens that stand for them."""

from pathlib import Path

from genir.errors import ModelError
from genir.files import read_json

DOCIDS_FILE = "docids.json"


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
