"""From text to token ids."""

from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer


def truncated_tokens(texts: Sequence[str], tokenizer: Tokenizer, tokens: int) -> list[np.ndarray]:
    """Token ids of every text, cut to `tokens` with the end token kept."""
    tokenizer.enable_truncation(tokens)
    return [np.array(encoding.ids) for encoding in tokenizer.encode_batch(list(texts))]
