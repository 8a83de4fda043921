"""Span corruption, the pre-training task of T5 (Raffel et al. 2020, section 3.1.4)."""

import numpy as np


def noise_mask(
    length: int, density: float, mean_span: float, rng: np.random.Generator
) -> np.ndarray:
    """Which of `length` tokens are masked, as a boolean array that starts unmasked.

    round(length * density) tokens are masked, at least one and never all, in
    round(masked / mean_span) spans whose lengths and gaps are drawn uniformly.

    Raises ValueError for fewer than two tokens.
    """
    if length < 2:
        raise ValueError(f"span corruption needs at least 2 tokens, got {length}")
    masked = int(np.clip(round(length * density), 1, length - 1))
    spans = int(np.clip(round(masked / mean_span), 1, min(masked, length - masked)))
    gaps = _random_composition(length - masked, spans, rng)
    noise = _random_composition(masked, spans, rng)
    runs = np.stack([gaps, noise], axis=1).ravel()
    return np.repeat(np.tile([False, True], spans), runs)


def _random_composition(total: int, parts: int, rng: np.random.Generator) -> np.ndarray:
    """`parts` positive integers that sum to `total`, every composition equally likely."""
    cuts = np.sort(rng.choice(total - 1, size=parts - 1, replace=False)) + 1
    return np.diff(np.concatenate([[0], cuts, [total]]))


def corrupt(
    tokens: np.ndarray, mask: np.ndarray, sentinels: list[int], end: int
) -> tuple[np.ndarray, np.ndarray]:
    """Encoder input and decoder target of one text, both closed by the token `end`.

    Span k becomes sentinel k in the input; the target lists every sentinel followed by the tokens
    it stands for. Raises ValueError if there are more spans than sentinels.
    """
    starts = mask & ~np.concatenate([[False], mask[:-1]])
    spans = int(starts.sum())
    if spans > len(sentinels):
        raise ValueError(f"{spans} spans but only {len(sentinels)} sentinels")
    names = np.zeros(len(tokens), dtype=np.int64)
    names[starts] = sentinels[:spans]
    source = np.where(starts, names, tokens)[~mask | starts]
    repeated = np.repeat(tokens, 1 + starts)
    opening = np.cumsum(1 + starts)[starts] - 2
    repeated[opening] = sentinels[:spans]
    target = repeated[np.repeat(mask, 1 + starts)]
    return np.append(source, end), np.append(target, end)
