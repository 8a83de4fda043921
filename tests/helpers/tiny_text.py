"""A few hundred made-up sentences and a tokenizer trained on them."""

from copy import deepcopy
from functools import cache

import numpy as np
from transformers import PreTrainedTokenizerFast

from genir.models.tokenizer import train_tokenizer

WORDS = (
    "broad narrow long short curved foot hand skull nose mouth bone nerve muscle of the with "
    "abnormal absent enlarged small increased decreased growth density colour shape"
).split()
SENTINELS = 12


def sentences(number: int = 300, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(4, 12))) for _ in range(number)]


@cache
def _trained() -> PreTrainedTokenizerFast:
    return train_tokenizer(sentences(), 60, SENTINELS)


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A copy: padding that a test switches on stays its own."""
    return deepcopy(_trained())
