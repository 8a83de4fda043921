"""Which queries stand word for word in a collection of texts."""

from collections import defaultdict
from collections.abc import Iterable

from genir.corpora.words import words


def occur_verbatim(queries: Iterable[str], texts: Iterable[str]) -> list[bool]:
    """For each query, whether its words stand in the same order, with nothing between them, in one
    of `texts`. Case, accents and punctuation do not count; a query without words never occurs."""
    sequences = [tuple(words(query)) for query in queries]
    wanted = frozenset(sequences) - {()}
    found = _found(wanted, texts)
    return [sequence in found for sequence in sequences]


def _found(wanted: frozenset[tuple[str, ...]], texts: Iterable[str]) -> set[tuple[str, ...]]:
    lengths = _lengths_by_opening(wanted)
    found = set()
    for text in texts:
        sequence = tuple(words(text))
        for start in range(len(sequence)):
            for opening in (1, 2):
                for length in lengths.get(sequence[start : start + opening], ()):
                    found.add(sequence[start : start + length])
    return found & wanted


def _lengths_by_opening(wanted: frozenset[tuple[str, ...]]) -> dict[tuple[str, ...], set[int]]:
    """Lengths of the sequences that begin with the same two words; a single word stands alone."""
    lengths: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for sequence in wanted:
        lengths[sequence[:2]].add(len(sequence))
    return lengths
