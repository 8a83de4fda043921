"""Edges by stage: what is lost when the components of one stage do not read those of another."""

from pathlib import Path

import pandas as pd

from genir.analyses.used_stages import read_stages
from genir.files.io import read_parquet
from genir.tables.edges import SHOWN, edge_table
from genir.tables.page import NO_RANK, Table, with_interval

PLACES = ["source", "source_stage", "reader", "reader_stage"]
COLUMNS = ["model", "method", *PLACES, "value", "low", "high", "n", "percent_not_first", "stages"]


def make(files: dict[str, Path], stages: dict[str, Path], seed: int) -> Table:
    """Tabulate all edges between two stages together: the share of the logit difference that is
    lost without them.

    Args:
        files: model -> the edges by stage that patch_edge wrote.
    """
    parts = [
        edge_table(read_parquet(path), PLACES, seed).assign(
            model=model, stages=read_stages(stages[model])["status"]
        )
        for model, path in files.items()
    ]
    frame = pd.concat(parts, ignore_index=True)[COLUMNS]
    return Table(frame, shown(frame), NO_RANK, "Correct validation queries.")


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """A line for each of the pairs without which most is lost."""
    ends = {
        end: frame[end] + frame[f"{end}_stage"].map(lambda s: "" if s == "all" else f" {s}")
        for end in ("source", "reader")
    }
    columns = {"model": frame["model"], "method": frame["method"], **ends}
    columns |= {"logit difference lost": with_interval(frame)}
    columns |= {"no longer first (%)": frame["percent_not_first"], "n": frame["n"]}
    table = pd.DataFrame(columns | {"stages": frame["stages"]})
    groups = frame.groupby(["model", "method"], sort=False)["value"]
    return table.loc[[row for _, values in groups for row in values.nlargest(SHOWN).index]]
