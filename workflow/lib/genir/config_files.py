"""Reading YAML without its silent surprises."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from genir.errors import ConfigError


def load_yaml_strict(path: Path | str) -> dict[str, Any]:
    """The keys of a YAML or JSON file, none of them twice in one place.

    PyYAML keeps the last of two equal keys without a word. Raises ConfigError naming key and line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        for key, first, second in _duplicates(node, ()):
            raise ConfigError(
                f"{path}, line {second}: {key} is in line {first} already; keep one of the two"
            )
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
