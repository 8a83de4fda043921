"""The stages of a decoder of any depth, where none are configured."""

from genir.base.errors import AnalysisError
from genir.base.names import STAGES


def default_stages(layers: int) -> dict[str, list[int]]:
    """First and last layer of the three stages: the study's 0-6, 7-17, 18-23 of T5-large's 24
    layers, scaled by depth.

    Raises AnalysisError below three layers.
    """
    if layers < len(STAGES):
        raise AnalysisError(
            f"a decoder of {layers} layers has no three stages; use one with at least three"
        )
    second, third = (_round_half_up(begin * layers, 24) for begin in (7, 18))
    return {"I": [0, second - 1], "II": [second, third - 1], "III": [third, layers - 1]}


def _round_half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
