"""Prefix language modelling, a pre-training task of T5 (Raffel et al. 2020, section 3.3.1)."""

import numpy as np


def prefix_split(
    tokens: np.ndarray, end: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Encoder input and decoder target of one text, both closed by the token `end`: its beginning,
    whose length is drawn uniformly from one token to all but one, and the rest.

    Raises ValueError for fewer than two tokens.
    """
    if len(tokens) < 2:
        raise ValueError(f"a prefix and a rest need at least 2 tokens, got {len(tokens)}")
    length = int(rng.integers(1, len(tokens)))
    return np.append(tokens[:length], end), np.append(tokens[length:], end)
