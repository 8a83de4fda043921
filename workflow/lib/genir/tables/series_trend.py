"""Does what a series measures rise or fall along its quantity?"""

from pathlib import Path

import pandas as pd

from genir.estimates.intervals import Interval, columns
from genir.estimates.paired_tests import holm
from genir.estimates.trend import change, least_p, trend
from genir.files.io import read_csv
from genir.tables.page import MIXED_RANKS, Table, p_value, with_interval

COLUMNS = "series quantity measure value low high n tau p p_holm".split()
TESTED = (
    "retrieval hits_at_1",
    "encoder_swap pretrained hits_at_1",
    "stages least_lead",
    "patching_by_stage mean I mlp broken_percent",
    "patching_by_stage mean II cross_attention broken_percent",
    "patching_by_stage pretrained III mlp broken_percent",
    "direct_contribution mlp percent_not_first",
    "direct_contribution cross_attention percent_not_first",
    "emergence share_of_depth",
    "docid_share III 10",
)
"""Chosen before any series was computed: one or two numbers of each kind, not the largest."""


def make(rows: Path, quantity: str, seed: int) -> Table:
    """Test ten measures of a series for a trend along its quantity.

    A point is the mean over all trainings with one value of the quantity. value is the change from
    the smallest to the largest value of the quantity, low and high its interval between queries, n
    the number of points; tau and p are Kendall's, p_holm is Holm-corrected over the table.

    Args:
        rows: CSV of the series.
        quantity: what its models differ in.
    """
    table, records = read_csv(rows), []
    for measure in TESTED:
        part = table[table["measure"] == measure]
        points = part.assign(at=part["quantity"].astype(float)).groupby("at")
        means = points[["value", "low", "high"]].mean()
        if len(means) < 2:
            continue
        first, last = (Interval(*means.iloc[place], n=0) for place in (0, -1))
        found = trend(means.index, means["value"], seed)
        names = {"series": part["series"].iloc[0], "quantity": quantity, "measure": measure}
        moved = columns(change(first, last, len(means)))
        records.append(names | moved | {"tau": found.tau, "p": found.p})
    frame = pd.DataFrame(records, columns=COLUMNS[:-1])
    frame = frame.assign(p_holm=holm(frame["p"]))
    return Table(frame, shown(frame), MIXED_RANKS, _note(frame))


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per measure."""
    tests = {"tau": frame["tau"], "p": frame["p"].map(p_value)}
    tests["p (Holm)"] = frame["p_holm"].map(p_value)
    changed = with_interval(frame)
    return frame[["series", "quantity", "measure"]].assign(change=changed, n=frame["n"], **tests)


def _note(frame: pd.DataFrame) -> str:
    """How small p can be at all."""
    if frame.empty:
        return ""
    points = int(frame["n"].max())
    return f"With {points} values of the quantity no p can be below {least_p(points):.2g}."
