"""Who triggers whom, by component and stage (the study's Fig. 5)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from genir.analyses.used_stages import read_stages, stage_of_layers
from genir.base.joins import check_known
from genir.base.names import COMPONENTS, EMBEDDING, STAGES
from genir.estimates.intervals import columns, mean_interval
from genir.estimates.ranks import read_ranks, views
from genir.files.io import read_parquet
from genir.tables.page import NO_RANK, Table, wide

ALL = "all"
_TARGET = ["target", "target_stage"]
_SOURCE = ["source", "source_stage"]
_QUERY = ["query_id", "doc_id"]
COLUMNS = ["model", "queries", *_TARGET, *_SOURCE, "value", "low", "high", "n", "stages"]


def make(
    files: dict[str, Path], clean: dict[str, Path], stages: dict[str, Path], seed: int
) -> Table:
    """Tabulate who triggers whom: the mean share of every source in what pushes a target upwards,
    by model, view and stage."""
    records = []
    for model, path in files.items():
        used = read_stages(stages[model])
        measured, ranks = read_parquet(path), read_ranks(clean[model])
        check_known(ranks["query_id"], measured["query_id"], path)
        # A query in which nothing pushes the target has no share; n says how many have one.
        shares = stage_shares(measured, used["used"])
        for view, frame in views(shares, ranks, complete=False).items():
            for cell, part in frame.groupby([*_TARGET, *_SOURCE], sort=False):
                names = dict(zip([*_TARGET, *_SOURCE], cell, strict=True))
                interval = mean_interval(part["share"], part["doc_id"], seed)
                names |= {"model": model, "queries": view, "stages": used["status"]}
                records.append(names | columns(interval))
    frame = pd.DataFrame(records, columns=COLUMNS)
    return Table(frame, shown(frame), NO_RANK, "Shares are 0 to 1.")


def stage_shares(shares: pd.DataFrame, used: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """query_id, doc_id, target, target_stage, source, source_stage, share: for every query the sum
    over the layers of the source's stage, mean over the layers of the target's stage.

    `used` has the first and last layer of every stage. source_stage `all` is the sum over the
    stages; the embedding has no other. In a layer whose share is NaN nothing pushes the target
    upwards: the mean is over the other layers.
    """
    stage_of, known = stage_of_layers(used), shares.dropna(subset="share")
    named = known.assign(
        target_stage=known["target_layer"].map(stage_of),
        source_stage=known["source_layer"].map(stage_of).fillna(ALL),
        share=known["share"].astype(float),
    )
    parts = [
        _of_target(part).assign(target=target, target_stage=stage)
        for (target, stage), part in named.groupby(_TARGET, sort=False)
    ]
    return pd.concat(parts, ignore_index=True)[[*_QUERY, *_TARGET, *_SOURCE, "share"]]


def _of_target(part: pd.DataFrame) -> pd.DataFrame:
    """query_id, doc_id, source, source_stage, share for one target and stage."""
    layers = part.groupby(_QUERY)["target_layer"].nunique()
    sums = part.pivot_table(
        index=_QUERY, columns=_SOURCE, values="share", aggfunc="sum", fill_value=0.0
    )
    cells = {}
    for source in (EMBEDDING, *COMPONENTS):
        if source in sums:
            own = sums[source]
            cells |= {(source, stage): own[stage] for stage in STAGES if stage in own}
            cells[source, ALL] = own.sum(axis=1)
    means = {cell: values / layers for cell, values in cells.items()}
    return pd.concat(means, names=_SOURCE).rename("share").reset_index()


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per model, view, target and stage."""
    names = frame["source"] + (" " + frame["source_stage"]).where(frame["source"] != EMBEDDING, "")
    rows = ["model", "queries", *_TARGET, "stages", "n"]
    table = wide(frame.assign(source=names), rows, "source")
    ordered = [f"{source} {stage}" for source in COMPONENTS for stage in (*STAGES, ALL)]
    return table[[*rows, EMBEDDING, *(name for name in ordered if name in table)]]
