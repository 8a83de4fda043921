"""A matrix as colours, with its numbers in the cells."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])


def heat_map(
    axes: Axes,
    values: pd.DataFrame,
    texts: pd.DataFrame,
    limits: tuple[float, float],
    bar: str | None = None,
    colours: str = "cividis",
    **options: Any,
) -> None:
    """Draw `values` between `limits`, the first row on top, with the `texts` of the same shape;
    cells without a value stay empty. `bar` is the label of a colour bar, `options` are those of the
    texts."""
    axes.spines[:].set_visible(False)
    shown = np.ma.masked_invalid(values.to_numpy(float))
    mesh = axes.pcolormesh(shown, vmin=limits[0], vmax=limits[1], cmap=colours)
    rows, columns = values.shape
    axes.set(xlim=(0, columns), ylim=(rows, 0))
    if bar is not None:
        axes.figure.colorbar(mesh, ax=axes, label=bar).outline.set_linewidth(0)
    axes.set_xticks(np.arange(columns) + 0.5, list(map(str, values.columns)))
    axes.set_yticks(np.arange(rows) + 0.5, list(map(str, values.index)), va="center")
    mesh.update_scalarmappable()
    faces = mesh.get_facecolors().reshape(rows, columns, 4)
    for (row, column), text in np.ndenumerate(texts.to_numpy()):
        if not shown.mask[row, column]:
            colour = ".15" if _luminance(faces[row, column]) > 0.408 else "w"
            form = {"ha": "center", "va": "center", "color": colour, **options}
            axes.text(column + 0.5, row + 0.5, text, **form)


def _luminance(colour: np.ndarray) -> float:
    """Relative luminance of an sRGB colour (WCAG 2)."""
    red_green_blue = colour[:3]
    linear = np.where(
        red_green_blue <= 0.03928, red_green_blue / 12.92, ((red_green_blue + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ _WEIGHTS)
