"""Stages of a decoder of any depth."""

import itertools

import pytest

from genir.base.default_stages import default_stages
from genir.base.errors import AnalysisError


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (24, [[0, 6], [7, 17], [18, 23]]),
        (8, [[0, 1], [2, 5], [6, 7]]),
        (3, [[0, 0], [1, 1], [2, 2]]),
    ],
)
def test_default_stages(layers, expected):
    assert list(default_stages(layers).values()) == expected


@pytest.mark.parametrize("layers", range(3, 60))
def test_default_stages_cover_all_layers(layers):
    spans = [range(first, last + 1) for first, last in default_stages(layers).values()]
    assert all(spans)
    assert list(itertools.chain(*spans)) == list(range(layers))


def test_two_layers_have_no_stages():
    with pytest.raises(AnalysisError, match="2 layers"):
        default_stages(2)
