"""Vocabulary rows as people read them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
from tokenizers import Tokenizer

from genir.files.io import read_json
from genir.models.docids import DOCIDS_FILE, load_docids
from genir.models.tokens import read_pieces

WORD_BEGIN = "▁"
TITLE_LENGTH = 30


class TokenNames:
    """Calling it gives a token's name: a piece of text without the mark of a word's beginning,
    [doc_id] or [doc_id title] for a docid token, <number> for a row that stands for nothing."""

    def __init__(
        self, tokenizer: Tokenizer, docids: Mapping[str, int], titles: Mapping[str, str]
    ) -> None:
        self._tokenizer = tokenizer
        self._documents = {
            token: f"[{doc_id} {shortened(titles.get(doc_id, ''))}".strip() + "]"
            for doc_id, token in docids.items()
        }

    def __call__(self, token: int) -> str:
        if token in self._documents:
            return self._documents[token]
        piece = self._tokenizer.id_to_token(token)
        return f"<{token}>" if piece is None else piece.strip(WORD_BEGIN) or piece

    def joined(self, tokens: Iterable[int]) -> str:
        return " ".join(self(int(token)) for token in tokens)


def load_token_names(model: Path, documents: pd.DataFrame | None = None) -> TokenNames:
    """Names for the model in a folder; with titles if its `documents` (doc_id, title) are given."""
    tokenizer = read_pieces(model)
    docids = load_docids(model / DOCIDS_FILE, read_json(model / "config.json")["vocab_size"])
    titles = {} if documents is None else titles_of(documents)
    return TokenNames(tokenizer, docids, titles)


def titles_of(documents: pd.DataFrame) -> dict[str, str]:
    return dict(zip(documents["doc_id"], documents["title"], strict=True))


def shortened(title: str) -> str:
    """A title in one line of at most 30 characters."""
    line = " ".join(title.split())
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1].rstrip()}…"
