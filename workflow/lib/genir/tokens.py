"""From text to token ids."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from genir.damaged import reading


def read_pieces(folder: Path | str) -> Tokenizer:
    """The tokenizer in a model folder. Raises DamagedFileError if the file is damaged."""
    path = Path(folder) / "tokenizer.json"
    with reading(path):
        return Tokenizer.from_file(str(path))


def truncated_tokens(texts: Sequence[str], tokenizer: Tokenizer, tokens: int) -> list[np.ndarray]:
    """Token ids of every text, cut to `tokens` with the end token kept."""
    tokenizer.enable_truncation(tokens)
    return [np.array(encoding.ids) for encoding in tokenizer.encode_batch(list(texts))]
