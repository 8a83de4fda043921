"""Ids of documents and queries: any text, and how the TREC files that we write hold it.

White space separates the fields of TREC files, so there it is percent-encoded, and so is a percent
sign that would read as a code. All other ids stand there as they are.
"""

import re
from urllib.parse import unquote_to_bytes

_ENCODED = re.compile(r"\s|%(?=[0-9A-Fa-f]{2})")
_CODES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


def fault(identifier: str) -> str | None:
    """What keeps a text from being an id, and what to write instead."""
    if not identifier.strip():
        return "is empty; write an id"
    if identifier != identifier.strip():
        return f"begins or ends with white space; write {identifier.strip()!r}"
    if "\0" in identifier:
        return "holds the character U+0000, which ends a text elsewhere; leave it out"
    return None


def encoded(identifier: str) -> str:
    """An id as one field of a TREC file."""
    return _ENCODED.sub(lambda match: _codes(match[0]), identifier)


def decoded(field: str) -> str:
    """The id that `encoded` made a field of. Raises UnicodeDecodeError if no id gives this one."""
    return _CODES.sub(lambda match: unquote_to_bytes(match[0]).decode(), field)


def _codes(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
