"""Models that differ in one quantity, side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genir.base.errors import AnalysisError
from genir.estimates.emergence import emergence
from genir.estimates.intervals import columns, mean_interval
from genir.estimates.ranks import read_ranks, views
from genir.files.io import read_csv, read_json, read_parquet
from genir.tables.page import MIXED_RANKS, Table, with_interval

COLUMNS = "series quantity model seed measure value low high n".split()
NOTE = (
    "Trainings of one model with several seeds have a column each. retrieval: test queries, docid "
    "rank; all else: correct validation queries. The CSV beside this file also holds the "
    "contributions of every layer."
)
_INTERVAL = ["value", "low", "high", "n"]
_CORRECT = {"queries": "correct"}
_RANK = {"rank_kind": "vocabulary"}
_CHOSEN: dict[str, tuple[dict[str, str], list[str]]] = {
    "retrieval": ({"split": "test", "slice": "all"}, ["metric"]),
    "encoder_swap": (_CORRECT | _RANK | {"encoder": "pretrained"}, ["encoder", "measure"]),
    "patching_by_stage": (_RANK, ["method", "stage", "component", "measure"]),
    "direct_contribution": (_CORRECT | _RANK, ["source", "measure"]),
    "docid_share": (_CORRECT | {"unit": "head"}, ["stage", "top"]),
    "contributions": (_CORRECT | {"measure": "ratio"}, ["layer", "component", "measure"]),
}
"""Table -> what its rows must be, and the columns that name a number in it."""
_EFFECTS = {
    "broken_percent": ("broken_percent", "low", "high", "n"),
    "logit_difference_lost": tuple(
        f"logit_difference_lost{end}" for end in ("", "_low", "_high", "_n")
    ),
}


@dataclass(frozen=True)
class Member:
    """One training of a model, the value of the quantity in the model, and the training's seed;
    none for a model that came from elsewhere."""

    model: str
    training: str
    quantity: str
    seed: int | None


@dataclass(frozen=True)
class SeriesTables:
    """CSV files of the tables whose rows are compared."""

    retrieval: Path
    encoder_swap: Path
    patching_by_stage: Path
    direct_contribution: Path
    docid_share: Path
    contributions: Path


def make(
    series: str,
    members: list[Member],
    tables: SeriesTables,
    stages: dict[str, Path],
    development: dict[str, Path],
    clean: dict[str, Path],
    seed: int,
) -> Table:
    """Put the numbers of models that differ in one quantity side by side.

    A measure is named after its table: `retrieval hits_at_1`, `patching_by_stage mean III mlp
    broken_percent`. Beside those of tables there are `stages ...`, what is detected, and
    `emergence ...`, where the relevant document comes up.

    Args:
        series: name of the series.
        members: its trainings, in the order of the rows.
        tables: CSV files of the tables whose rows are compared.
        development: training -> ranks of the relevant document by layer.
    """
    rows = pd.concat(
        [
            *(_of_table(name, read_csv(path)) for name, path in vars(tables).items()),
            pd.DataFrame([row for m, path in stages.items() for row in _detected(m, path)]),
            pd.DataFrame(
                [
                    row
                    for m, path in development.items()
                    for row in _emerged(m, read_parquet(path), read_ranks(clean[m]), seed)
                ]
            ),
        ]
    )
    rows = rows.dropna(subset="value")
    parts = []
    for member in members:
        own = rows[rows["training"] == member.training]
        if own.empty:
            raise AnalysisError(f"the tables have no row of {member.training}; run their rules")
        parts.append(own.assign(model=member.model, quantity=member.quantity, seed=member.seed))
    frame = pd.concat(parts, ignore_index=True).assign(series=series)
    frame = frame.astype({"n": "Int64", "seed": "Int64"})[COLUMNS]
    return Table(frame, shown(frame), MIXED_RANKS, NOTE)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per measure, a column per training; not the contributions of single layers."""
    rows = frame[~frame["measure"].str.startswith("contributions ")]
    numbered = rows["seed"].notna() & rows.groupby("model")["seed"].transform("nunique").gt(1)
    names = rows["quantity"] + " (" + rows["model"] + ")"
    names = names.where(~numbered, names + ", seed " + rows["seed"].astype(str))
    cells = with_interval(rows) + ", n " + rows["n"].astype(str)
    table = pd.DataFrame({"measure": rows["measure"], "name": names, "cell": cells})
    wide = table.pivot(index="measure", columns="name", values="cell").fillna("")
    wide = wide.loc[list(dict.fromkeys(table["measure"])), list(dict.fromkeys(table["name"]))]
    return wide.reset_index()


def _of_table(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """training, measure, value, low, high and n of the rows that a series takes of a table."""
    wanted, items = _CHOSEN[name]
    rows = table.rename(columns={"system": "training", "model": "training"})
    for column, value in wanted.items():
        rows = rows[rows[column] == value]
    if name == "patching_by_stage":
        rows = pd.concat([_effect(rows, measure) for measure in _EFFECTS])
    measure = rows[items].astype(str).agg(" ".join, axis=1) if len(rows) else ""
    named = rows.assign(measure=name + " " + measure)[["training", "measure", *_INTERVAL]]
    if name != "docid_share":
        return named
    base = rows.drop_duplicates("training")[["training", "base_rate", "n"]]
    base = base.rename(columns={"base_rate": "value"}).assign(measure="docid_share base_rate")
    return pd.concat([named, base])


def _effect(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    names = dict(zip(_EFFECTS[measure], _INTERVAL, strict=True))
    kept = rows[["training", "method", "stage", "component", *names]]
    return kept.rename(columns=names).assign(measure=measure)


def _detected(training: str, path: Path) -> Iterator[dict[str, Any]]:
    """What the rule for stages found: properties of all queries together, but for the least lead of
    a segment's component."""
    record = read_json(path)
    found, names = record["detected"], {"training": training, "n": record["n"]}
    yield names | {"measure": "stages segments", "value": float(len(found["segments"]))}
    yield names | {"measure": "stages supported", "value": float(found["supported"])}
    if found["p_order"] is not None:
        yield names | {"measure": "stages p_order", "value": found["p_order"]}
    least = min(found["leads"], key=lambda lead: lead["value"])
    yield names | {"measure": "stages least_lead"} | {name: least[name] for name in _INTERVAL}


def _emerged(
    training: str, development: pd.DataFrame, clean: pd.DataFrame, seed: int
) -> Iterator[dict[str, Any]]:
    """The decoder layer, counted from 0, from which on the relevant document of a correct query
    stays first in the residual stream, and which part of the decoder has run after it."""
    correct = views(development, clean).get("correct")
    if correct is None:
        return
    found = emergence(correct)
    for measure in ("layer", "share_of_depth"):
        names = {"training": training, "measure": f"emergence {measure}"}
        yield names | columns(mean_interval(found[measure], found["doc_id"], seed))
