"""The table of the engine's differences from other implementations."""

import pandas as pd

RANKS = "rank kind: both, the larger difference is shown"


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per quantity, with the largest difference from each reference beside the tolerance
    of the first."""
    lines = {}
    for row in frame.itertuples(index=False):
        line = lines.setdefault(row.quantity, {"quantity": row.quantity})
        line[f"difference from {row.reference}"] = _short(row.largest_difference)
        line.setdefault("tolerance", _short(row.tolerance))
        line.setdefault("scale", _short(row.scale))
        line.setdefault("n", row.n)
    wanted = [f"difference from {name}" for name in dict.fromkeys(frame["reference"])]
    return pd.DataFrame(lines.values(), columns=["quantity", *wanted, "tolerance", "scale", "n"])


def _short(value: float) -> str:
    return f"{value:.2g}"
