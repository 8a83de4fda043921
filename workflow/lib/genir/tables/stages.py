"""A model's stages as tables and figures name them."""

from pathlib import Path
from typing import Any

from genir.errors import AnalysisError
from genir.files import read_json


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
    """ "2-5", or "0" for a stage of one layer."""
    first, last = stages["used"][stage]
    return str(first) if first == last else f"{first}-{last}"


def boundaries(stages: dict[str, Any]) -> list[float]:
    """Positions between the last layer of a stage and the first of the next, on a layer axis."""
    return [first - 0.5 for first, _ in list(stages["used"].values())[1:]]
