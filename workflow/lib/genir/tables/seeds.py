"""One model trained with several seeds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from genir.base.names import seed_name
from genir.estimates.intervals import CONFIDENCE
from genir.estimates.patch_effects import DIFFERENCE_LOST
from genir.files.io import read_csv
from genir.tables.page import MIXED_RANKS, Table, with_interval

COLUMNS = "model table item measure value low high seeds query_low query_high n".split()
NOTE = (
    "Between seeds: 95 % t interval of the mean over trainings that differ in the seed of "
    "fine-tuning. The CSV beside this file holds every number that all trainings have."
)
_INTERVAL = ["value", "low", "high", "n"]
_ITEMS = {
    "retrieval": ["split", "slice"],
    "patching_by_stage": ["method", "stage", "component", "rank_kind"],
    "contributions": ["queries", "layer", "component"],
    "direct_contribution": ["queries", "source", "rank_kind"],
    "communication": ["queries", "source_stage", "source", "target_stage", "target"],
    "docid_share": ["queries", "stage", "unit", "top"],
    "circuit": ["variant", "split", "kind", "rank_kind"],
    "drift": ["stack", "layer", "component"],
}
_MEASURES = {"retrieval": "metric", "circuit": "metric"}
_ONE_MEASURE = {"communication": "share", "docid_share": "percent", "drift": "drift"}
_EFFECTS = {
    "broken_percent": ("broken_percent", "low", "high", "n"),
    "repaired": ("repaired", "repaired_low", "repaired_high", "repaired_n"),
    "net_hits_at_1": ("net_hits_at_1", "net_low", "net_high", "net_n"),
    "logit_difference_lost": DIFFERENCE_LOST,
}
_HEADLINE = (
    *(("retrieval", f"test all {metric}") for metric in ("hits_at_1", "hits_at_10")),
    *(
        ("patching_by_stage", f"mean {stage} {component} vocabulary broken_percent")
        for stage in ("I", "II", "III")
        for component in ("cross_attention", "mlp")
    ),
    ("circuit", "study test relative vocabulary hits_at_1"),
)


@dataclass(frozen=True)
class SeedTables:
    """CSV files of the tables whose rows are compared, by rule."""

    retrieval: Path
    patching_by_stage: Path
    contributions: Path
    direct_contribution: Path
    communication: Path
    docid_share: Path
    circuit: Path
    drift: Path


def make(tables: SeedTables, seeds: dict[str, list[int]]) -> Table:
    """Compare trainings of one model with several seeds.

    The mean of every number over the trainings of a model, for rows that all of them have. low and
    high are the t interval between seeds, empty where all seeds give the same number; query_low,
    query_high and n are those of the model itself.

    Args:
        tables: CSV files of the tables whose rows are compared.
        seeds: model -> its seeds, its own first, for every model that has some.
    """
    parts = [
        _compared(name, long_rows(name, read_csv(path)), model, numbers)
        for model, numbers in seeds.items()
        for name, path in vars(tables).items()
    ]
    frame = pd.concat(parts, ignore_index=True)[COLUMNS]
    return Table(frame, shown(frame), MIXED_RANKS, NOTE)


def long_rows(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A table as model, item, measure, value, low, high, n: the test queries of `retrieval`, the
    correct ones of `contributions`, the layers of `drift`, everything of the others."""
    if name == "retrieval":
        frame = frame[frame["split"] == "test"].rename(columns={"system": "model"})
    if name == "contributions":
        frame = frame[frame["queries"] == "correct"]
    if name == "drift":
        layers = frame.dropna(subset="layer").astype({"layer": int})
        frame = layers.assign(low=np.nan, high=np.nan)
    items = frame[_ITEMS[name]].astype(str).agg(" ".join, axis=1)
    named = frame.assign(item=items)
    if name == "patching_by_stage":
        return pd.concat([_effect(named, *effect) for effect in _EFFECTS.items()])
    measure = _ONE_MEASURE.get(name)
    named["measure"] = named[_MEASURES.get(name, "measure")] if measure is None else measure
    return named[["model", "item", "measure", *_INTERVAL]]


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """A few numbers of every model, with both intervals."""
    keys = zip(frame["table"], frame["item"] + " " + frame["measure"], strict=True)
    rows = frame[[key in _HEADLINE for key in keys]]
    table = rows[["model", "table", "item", "measure", "seeds"]].copy()
    table["mean [between seeds]"] = with_interval(rows)
    bounds = zip(rows["query_low"], rows["query_high"], strict=True)
    table["between queries, first seed"] = [f"[{low:.3g}, {high:.3g}]" for low, high in bounds]
    return table.assign(n=rows["n"])


def t_interval(values: np.ndarray) -> tuple[float, float]:
    """95 % t interval of the mean of `values` `[seed]`; NaN where they are all equal, which says
    nothing of how far the next one would be."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    if error == 0:
        return np.nan, np.nan
    reach = stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * error
    return float(values.mean() - reach), float(values.mean() + reach)


def _effect(frame: pd.DataFrame, measure: str, names: tuple[str, ...]) -> pd.DataFrame:
    renamed = frame[["model", "item", *names]].set_axis(["model", "item", *_INTERVAL], axis=1)
    return renamed.assign(measure=measure)


def _compared(name: str, rows: pd.DataFrame, model: str, seeds: list[int]) -> pd.DataFrame:
    trainings = [model, *(seed_name(model, seed) for seed in seeds[1:])]
    keys = ["item", "measure"]
    found = {training: part.set_index(keys) for training, part in rows.groupby("model")}
    own = found[model].dropna(subset="value")
    values = pd.concat([found[training]["value"] for training in trainings], axis=1, join="inner")
    values = values.dropna().loc[lambda part: part.index.isin(own.index)]
    bounds = [t_interval(row) for row in values.to_numpy(float)]
    beside = own.loc[values.index]
    return pd.DataFrame(
        {
            "model": model,
            "table": name,
            "value": values.mean(axis=1),
            "low": [low for low, _ in bounds],
            "high": [high for _, high in bounds],
            "seeds": len(trainings),
            "query_low": beside["low"],
            "query_high": beside["high"],
            "n": beside["n"].astype("Int64"),
        }
    ).reset_index()
