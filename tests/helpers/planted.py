"""Contribution ratios with stages that are known."""

import numpy as np

LEVELS = np.array([[0.1, 0.3, 0.9], [0.1, 0.9, 0.4], [0.1, 0.4, 0.8]])


def planted(*sizes: int, noise: float = 0.0) -> np.ndarray:
    """Ratios `[layer, component]` of stages led by MLP, cross-attention and MLP."""
    ratios = np.repeat(LEVELS, sizes, axis=0)
    return ratios + noise * np.random.default_rng(1).normal(size=ratios.shape)


def squared_error(ratios: np.ndarray, segments: list[list[int]]) -> float:
    parts = [ratios[first : last + 1] for first, last in segments]
    return sum(((part - part.mean(0)) ** 2).sum() for part in parts)
