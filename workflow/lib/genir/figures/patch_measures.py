"""What figures of patching show: how many documents are no longer first, and how much of the logit
difference is lost, which goes on where ranks no longer tell."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genir.estimates.patch_effects import DIFFERENCE_LOST
from genir.figures import style


@dataclass(frozen=True)
class Measure:
    """Columns of a table of patching, and how they are called and coloured; `digits` of the numbers
    in a heat map."""

    columns: tuple[str, str, str, str]
    label: str
    colours: str
    digits: int

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with this measure as value, low, high and n."""
        named = dict(zip(("value", "low", "high", "n"), self.columns, strict=True))
        return rows.assign(**{name: rows[column] for name, column in named.items()})

    def limits(self, rows: pd.DataFrame) -> tuple[float, float]:
        """Both ends of one colour scale for all of `rows`: from 0 to the largest percent, or as far
        to either side of 0 as the logit difference goes."""
        values = rows[self.columns[0]]
        if self is BROKEN:
            return 0.0, style.top_percent(values)
        reach = max(0.1, float(np.nan_to_num(values.abs()).max()))
        return -reach, reach

    def text(self, value: float) -> str:
        """The number in a cell: "0.3", and "0" for nothing at all."""
        # Plus 0, for no number is "-0.00".
        return "0" if value == 0 else f"{round(value, self.digits) + 0.0:.{self.digits}f}"


BROKEN = Measure(
    ("broken_percent", "low", "high", "n"),
    style.BROKEN.replace(" (", "\n("),
    "cividis",
    1,
)
LOST = Measure(DIFFERENCE_LOST, "logit difference lost\n(of the unmodified one)", "RdBu_r", 2)
MEASURES = (BROKEN, LOST)


def colour_bars(figure: Figure, grid: np.ndarray) -> None:
    """A colour bar for every measure, beside its rows of panels, which take turns."""
    for line, measure in zip(grid, MEASURES * (len(grid) // len(MEASURES)), strict=True):
        meshes = [axes.collections[0] for axes in line if axes.collections]
        if meshes:
            figure.colorbar(meshes[0], ax=line, pad=0.01).set_label(measure.label, size=9)


def not_defined(axes: Axes, title: str) -> None:
    """A panel for a method that a model does not have."""
    axes.set_axis_off()
    axes.set_title(f"{title}\nnot defined")
