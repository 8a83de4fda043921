"""What to tell the user about a mistake in the configuration."""

import difflib
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from jsonschema import ValidationError

from genir.base.errors import ConfigError

TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list, such as [a, b]",
    "object": "keys with values",
    "null": "null",
}
_DISCRIMINATORS = ("type", "path", "ids", "source", "split", "folder", "hub")
_MERGED = (
    "your file is merged over config.yaml key by key: take a new name for your entry, and leave "
    "out an entry of config.yaml by its name with nothing behind it, such as full:"
)


def dotted(path: Iterable[str | int]) -> str:
    """`("patching", "methods", 0)` as `patching.methods[0]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".") or "the config"


def closest(name: str, names: Sequence[str]) -> str:
    """The name the user probably meant, or all there are."""
    match = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {match[0]}?" if match else f"write one of {', '.join(names)}"


def message(error: ValidationError, schema: dict[str, Any], config: dict[str, Any]) -> str:
    """One line that names the key of `config` and says what to write instead."""
    key = dotted(error.absolute_path)
    if error.validator == "not":
        beside = dict(_parent(error, config))
        del beside[error.absolute_path[-1]]
        return f"{key}: {_unused(beside)}"
    if "propertyNames" in error.absolute_schema_path:
        return (
            f"{dotted([*error.absolute_path, error.instance])}: {error.instance!r} cannot be a "
            "name; write a-z, 0-9, _ and -, beginning with a letter or digit"
        )
    if error.validator == "additionalProperties":
        return _unknown_key(error)
    if error.validator == "required":
        return _missing_key(error, schema)
    meaning = description(schema, list(error.absolute_path))
    if error.validator in ("pattern", "minLength"):
        return f"{key}: {show(error.instance)} is not allowed; write {meaning}"
    return f"{key}: {_wrong_value(error)}" + (f" ({meaning})" if meaning else "")


def _parent(error: ValidationError, config: dict[str, Any]) -> dict[str, Any]:
    node: Any = config
    for part in list(error.absolute_path)[:-1]:
        node = node[part]
    return node


def _unused(siblings: dict[str, Any]) -> str:
    found = next((k for k in _DISCRIMINATORS if k in siblings), None)
    value = siblings.get(found)
    word = f"the key {found}" if isinstance(value, dict) else found and f"{found}: {value}"
    reason = f"has no meaning with {word}" if word else "needs the key folder beside it"
    return f"{reason}; leave it out. If you did not write it, {_MERGED}"


def _unknown_key(error: ValidationError) -> str:
    known = list(error.schema["properties"])
    unknown = next(key for key in error.instance if key not in known)
    return f"{dotted([*error.absolute_path, unknown])}: unknown key; {closest(str(unknown), known)}"


def _missing_key(error: ValidationError, schema: dict[str, Any]) -> str:
    missing = next(key for key in error.validator_value if key not in error.instance)
    path = [*error.absolute_path, missing]
    return f"{dotted(path)}: is missing; write {missing}: {description(schema, path)}"


def _wrong_value(error: ValidationError) -> str:
    value = error.instance
    if error.validator == "minItems" and error.absolute_path[-1] == "seeds":
        return f"{show(value)} is not allowed; write two seeds or more, such as [1, 2]"
    if value is None:
        return f"is empty; write a value. If the entry is to go: {_MERGED}"
    if error.validator == "enum":
        allowed = (word if isinstance(word, str) else show(word) for word in error.validator_value)
        return f"{show(value)} is not allowed; write one of {', '.join(allowed)}"
    if error.validator == "type":
        wanted = expected(error.schema) + _yaml_hint(value, error.schema)
        return f"{show(value)} is not allowed; write {wanted}"
    limits = {
        "minimum": "at least {}",
        "maximum": "at most {}",
        "exclusiveMinimum": "a number above {}",
        "exclusiveMaximum": "a number below {}",
        "minItems": "at least {} in the list",
        "maxItems": "at most {} in the list",
        "minProperties": "at least {} entr" + ("y" if error.validator_value == 1 else "ies"),
    }
    if error.validator in limits:
        limit = limits[error.validator].format(error.validator_value)
        return f"{show(value)} is not allowed; write {limit}"
    return f"{show(value)} has an entry twice; write each once"


def expected(schema: dict[str, Any]) -> str:
    """The types a value may have, in words."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    all_alone = schema.get("pattern") == "^all$"
    words = ["all" if t == "string" and all_alone else TYPES[t] for t in types]
    return " or ".join(words)


def show(value: Any) -> str:
    """A value as the message names it."""
    if isinstance(value, dict):
        return "a block of keys" if value else "an empty block"
    if isinstance(value, list):
        return "the list [" + ", ".join(map(str, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"the text {value!r}" if isinstance(value, str) else str(value)


def _yaml_hint(value: Any, schema: dict[str, Any]) -> str:
    if not isinstance(value, str):
        simple = schema["type"] == "string" and not isinstance(value, dict | list)
        return " in quotes, as YAML takes it for something else" if simple else ""
    try:
        number = float(value)
    except ValueError:
        return ""
    return f": {int(number) if number.is_integer() else number}, without quotes or exponent"


def description(schema: dict[str, Any], path: Sequence[str | int]) -> str:
    """What the schema says about the key at `path`, or nothing."""
    node, text = schema, ""
    for part in path:
        node = _referenced(node, schema)
        if isinstance(part, int):
            node = node.get("items", {})
        else:
            node = node.get("properties", {}).get(part) or node.get("additionalProperties") or {}
        text = node.get("description", "" if not isinstance(part, int) else text)
    return text


def _referenced(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    return schema["$defs"][node["$ref"].removeprefix("#/$defs/")]


def require(key: str, value: str, entries: Collection[str], where: str) -> None:
    """Raise ConfigError if a value is none of `entries`, which `where` names."""
    if value not in entries:
        raise ConfigError(
            f"{key}: {value} is not an entry of {where}; {closest(value, list(entries))}"
        )
