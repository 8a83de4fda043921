"""Heat maps look as seaborn's do, without its import."""

import numpy as np
import pandas as pd
import pytest
import seaborn as sns

from genir.figures.heat_map import heat_map
from genir.figures.style import new_figure, theme

VALUES = pd.DataFrame(
    [[0.0, 20.0, 55.0], [np.nan, 80.0, 100.0]], index=["a", "b"], columns=["x", "y", "z"]
)


@pytest.fixture(params=["full", "gaps"])
def both(request):
    """The axes of ours and of seaborn's."""
    values = VALUES.fillna(5.0) if request.param == "full" else VALUES
    with theme():
        ours, theirs = new_figure(4, 3).subplots(), new_figure(4, 3).subplots()
        heat_map(ours, values, values.map("{:.0f}".format), (0, 100), "percent", size=8)
        options = {"cbar_kws": {"label": "percent"}, "annot_kws": {"size": 8}, "cmap": "cividis"}
        sns.heatmap(values, ax=theirs, annot=True, fmt=".0f", vmin=0, vmax=100, **options)
    return ours, theirs


def test_cells_have_the_same_colours(both):
    ours, theirs = (axes.collections[0] for axes in both)
    theirs.update_scalarmappable()
    assert np.array_equal(ours.get_facecolors(), theirs.get_facecolors())
    assert ours.get_clim() == theirs.get_clim()


def test_cells_with_a_value_have_the_same_texts(both):
    ours, theirs = (
        [(t.get_text(), t.get_position(), t.get_color(), t.get_size()) for t in axes.texts]
        for axes in both
    )
    assert ours == theirs
    assert len(ours) in (5, 6)


def test_axes_are_the_same(both):
    ours, theirs = (
        (
            *(axes.get_xlim(), axes.get_ylim(), axes.get_xticks().tolist()),
            axes.get_yticks().tolist(),
            [label.get_text() for label in (*axes.get_xticklabels(), *axes.get_yticklabels())],
            [spine.get_visible() for spine in axes.spines.values()],
            axes.figure.axes[-1].get_ylabel(),
        )
        for axes in both
    )
    assert ours == theirs
