"""Comparing short texts by their words."""

import hashlib
import re
import unicodedata

_STOP_WORDS = frozenset(
    "a an and are as at be but by can for from has have in into is it its may no not of on or "
    "such than that the their there these this to was which with within without".split()
)


def words(text: str) -> list[str]:
    """Lower-cased runs of letters and digits, accents removed."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain)


def singular(word: str) -> str:
    """The word without a regular English plural ending."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def fold(text: str) -> str:
    """A key that ignores case, punctuation, word order and plural."""
    return " ".join(sorted(singular(word) for word in words(text)))


def content_words(text: str) -> frozenset[str]:
    """The folded words of a text that are not function words."""
    return frozenset(singular(word) for word in words(text) if word not in _STOP_WORDS)


def slug(text: str) -> str:
    """A file name that no other text has: the first words in a-z and 0-9, then eight digits of the
    SHA-256 of the whole."""
    plain = [word for word in words(text) if word.isascii()]
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return "-".join([*plain[:6], digest])
