"""A model's stages as tables and figures name them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genir.analyses.stages import patched_stages
from genir.base.errors import AnalysisError
from genir.files.io import read_json


def read_stages(path: Path) -> dict[str, Any]:
    """`used`, stage -> [first layer, last layer], and `status`, imposed or supported.

    Raises AnalysisError if the file lacks one of them.
    """
    content = read_json(path)
    missing = [key for key in ("used", "status") if key not in content]
    if missing:
        raise AnalysisError(f"{path} lacks {', '.join(missing)}; run the rule stages again")
    return {key: content[key] for key in ("used", "status")}


def layer_range(stages: dict[str, Any], stage: str) -> str:
    """ "2-5", or "0" for a stage of one layer; `all` is the whole decoder."""
    first, last = patched_stages(stages["used"])[stage]
    return str(first) if first == last else f"{first}-{last}"


def stage_of_layers(used: Mapping[str, Sequence[int]]) -> dict[int, str]:
    """Layer -> its stage, from the first and last layer of every stage."""
    return {
        layer: stage for stage, (first, last) in used.items() for layer in range(first, last + 1)
    }


def boundaries(stages: dict[str, Any]) -> list[float]:
    """Positions between the last layer of a stage and the first of the next, on a layer axis."""
    return [first - 0.5 for first, _ in list(stages["used"].values())[1:]]
