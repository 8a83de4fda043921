"""Reading YAML without its silent surprises."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from genir.base.errors import ConfigError

_TAG = "tag:yaml.org,2002:"


def load_yaml_strict(path: Path | str) -> dict[str, Any]:
    """The keys of a YAML or JSON file, none of them twice in one place.

    PyYAML keeps the last of two equal keys without a word, takes names such as no for something
    else, and numbers such as 010 for others. Raises ConfigError naming key and line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        for key, first, second in _duplicates(node, ()):
            raise ConfigError(
                f"{path}, line {second}: {key} is in line {first} already; keep one of the two"
            )
        for message in _misread(node, ()):
            raise ConfigError(f"{path}, {message}")
        config = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}{_where(error)}") from None
    if not isinstance(config, dict):
        raise ConfigError(f"{path} holds no keys; write at least one, such as seed: 1")
    return config


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or "not YAML"
    return f"{line}: {problem}; indent with spaces, and put a space after every colon"


def _misread(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[str]:
    """Line and message of every key that is not text to YAML, and of every number that is another
    than it looks: 010 is 8 to it, and 1:30 is 90."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _misread(item, path)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            if key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
                yield (
                    f"line {key.start_mark.line + 1}: YAML takes the name {key.value!r} of "
                    f'{".".join(here)} for {_meaning(key)}; write it in quotes: "{key.value}"'
                )
            yield from _misread(value, here)
    elif isinstance(node, yaml.ScalarNode) and _is_odd_number(node):
        yield (
            f"line {node.start_mark.line + 1}: {'.'.join(path)}: YAML takes {node.value} for "
            f'{_meaning(node)}; write that, or "{node.value}" in quotes if it is text'
        )


def _is_odd_number(node: yaml.ScalarNode) -> bool:
    kind = node.tag.removeprefix(_TAG)
    return (kind in ("int", "float") and ":" in node.value) or (
        kind == "int" and re.fullmatch(r"[-+]?(0|[1-9][0-9_]*)", node.value) is None
    )


def _meaning(node: yaml.Node) -> str:
    """What YAML makes of a key or value, in words."""
    value = yaml.SafeLoader("").construct_document(node)
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return str(value) if isinstance(value, int | float) else f"a {type(value).__name__}"


def _duplicates(node: yaml.Node | None, path: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    """Dotted key, first line and second line of every key that its mapping holds twice."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicates(item, path)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        here = (*path, name)
        if name in lines and key.tag != "tag:yaml.org,2002:merge":
            yield ".".join(here), lines[name], line
        lines[name] = line
        yield from _duplicates(value, here)
