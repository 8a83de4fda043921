"""JSON objects in which no key comes twice: of two values one would be lost."""

from typing import Any


class RepeatedKeyError(ValueError):
    """A key that one object has twice."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key!r} is there twice")
        self.key = key


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, as `object_pairs_hook` of the json package. Raises RepeatedKeyError."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise RepeatedKeyError(next(key for key in keys if keys.count(key) > 1))
    return content
