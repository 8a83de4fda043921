"""The words of a query as a model reads them: by their tokens."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A word of a query, and the places of its tokens in the encoder's input."""

    text: str
    tokens: tuple[int, ...]


def words_of(text: str, offsets: Sequence[tuple[int, int]]) -> list[Word]:
    """The words of a text, what white space separates, with the tokens that end in each; a word
    that was cut off has none and is left out. `offsets` are first and last + 1 character of every
    token, equal for one that is no part of the text."""
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    tokens: list[list[int]] = [[] for _ in spans]
    for place, (first, end) in enumerate(offsets):
        inside = [i for i, span in enumerate(spans) if span[0] < end <= span[1] and first < end]
        for word in inside:
            tokens[word].append(place)
    return [
        Word(text[slice(*span)], tuple(own)) for span, own in zip(spans, tokens, strict=True) if own
    ]
