"""The shipped configuration, and what Snakemake makes of one laid over it."""

import copy
from pathlib import Path
from typing import Any

from genir.run.config.strict_yaml import load_yaml_strict

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = REPOSITORY / "config"
SCHEMA = REPOSITORY / "workflow" / "schemas" / "config.schema.yaml"


def shipped_config() -> dict[str, Any]:
    """That of config.yaml."""
    return load_yaml_strict(CONFIG / "config.yaml")


def merge(config: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """What Snakemake makes of `configfile:` and one --configfile."""
    merged = copy.deepcopy(config)
    for key, value in overlay.items():
        below = merged.get(key)
        nested = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = merge(below, value) if nested else copy.deepcopy(value)
    return merged


def paths(node: Any, prefix: str = "") -> list[str]:
    """The dotted names of all keys."""
    if isinstance(node, list):
        return [found for item in node for found in paths(item, prefix)]
    if not isinstance(node, dict):
        return []
    return [f for k, v in node.items() for f in (f"{prefix}.{k}", *paths(v, f"{prefix}.{k}"))]
