"""The schema is strict, and every key is described where a user looks."""

import re
from itertools import pairwise
from typing import Any

import yaml
from configurations import CONFIG, SCHEMA, paths, shipped_config


def subschemas(node: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every subschema that describes a value; conditions restate keys and are left out."""
    found = [(path, node)]
    for key in ("properties", "$defs"):
        for name, child in node.get(key, {}).items():
            found += subschemas(child, f"{path}/{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            found += subschemas(node[key], f"{path}/{key}")
    return found


def test_schema_is_strict_and_described_everywhere() -> None:
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    objects = [(p, s) for p, s in subschemas(schema) if s.get("type") == "object"]
    assert len(objects) > 10
    for path, node in objects:
        extra = node.get("additionalProperties")
        assert extra is False or (isinstance(extra, dict) and "propertyNames" in node), path
        assert set(node.get("required", [])) <= set(node.get("properties", {})), path
        for name, child in node.get("properties", {}).items():
            assert child.get("description"), f"{path}/{name}"


def test_schema_is_a_schema() -> None:
    from jsonschema import Draft202012Validator

    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]


def schema_keys() -> set[str]:
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    return {name for _, node in subschemas(schema) for name in node.get("properties", {})}


def test_every_key_is_in_the_readme() -> None:
    default = shipped_config()
    readme = (CONFIG / "README.md").read_text(encoding="utf-8")
    named = {part for code in re.findall(r"`([^`\n]+)`", readme) for part in re.split(r"\W+", code)}
    entries = {n for m in ("corpora", "datasets", "models") for n in default[m]}
    keys = {path.rpartition(".")[2] for path in paths(default)} - entries
    assert sorted((keys | schema_keys()) - named) == []


def test_every_key_of_the_default_has_a_comment() -> None:
    lines = (CONFIG / "config.yaml").read_text(encoding="utf-8").splitlines()
    bare = []
    for above, line in pairwise(lines):
        match = re.match(r"\s*([a-z_]+): \S", line)
        if match and not above.strip().startswith("#"):
            bare.append(match.group(1))
    sources = ["version", "sha256", "licence", "extractor", "characters"]
    assert [key for key in bare if key not in sources] == []
