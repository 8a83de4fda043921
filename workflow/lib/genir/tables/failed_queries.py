"""Queries that the model answers beside those that it does not, in every analysis."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from genir.base.joins import check_known
from genir.base.names import PATCHED_STAGES
from genir.base.patched_files import patch_files
from genir.estimates.intervals import Interval, columns, mean_interval, statistic_interval
from genir.estimates.paired_tests import difference_interval
from genir.estimates.patch_effects import aligned
from genir.estimates.ranks import read_ranks, views
from genir.files.io import read_csv, read_parquet
from genir.tables.page import MIXED_RANKS, Table, sections, wide

VIEWS = ("correct", "ranked_2_to_10", "ranked_below_10")
COLUMNS = "model analysis item measure queries value low high n".split()
_NAMES = ["model", "analysis", "item", "measure", "queries"]


@dataclass(frozen=True)
class ViewTables:
    """CSV files of our tables that already hold the views, by rule."""

    contributions: Path
    rank_development: Path
    docid_share: Path
    communication: Path


@dataclass(frozen=True)
class RankFiles:
    """Ranks of one model: unmodified, patched by stage (a folder and its methods), by the outputs
    of one kind of component alone, and, where there is one, behind the pre-trained encoder."""

    model: str
    clean: Path
    patch_stage: Path
    methods: list[str]
    direct_contribution: Path
    pretrained_encoder: Path | None = None


def make(tables: ViewTables, files: list[RankFiles], seed: int) -> Table:
    """Tabulate every analysis for queries the model answers and for those it does not.

    Views of the queries are `correct`, `ranked_2_to_10` and `ranked_below_10`; a view without
    queries is left out. Ranks are vocabulary ranks, and so are hits_at_1 and mrr, shares from 0 to
    1, and net_hits_at_1, percentage points.

    Args:
        tables: CSV files of our tables that hold the views of the queries.
        files: files of ranks of each model.
    """
    ranked = [row for model in files for row in _model_rows(model, seed)]
    parts = [*_from_tables(tables, [model.model for model in files]), pd.DataFrame(ranked)]
    frame = pd.concat(parts, ignore_index=True)[COLUMNS]
    return Table(frame, page(frame), MIXED_RANKS)


def page(frame: pd.DataFrame) -> str:
    """A table for each model."""
    return sections({model: shown(rows) for model, rows in frame.groupby("model", sort=False)})


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per analysis, item and measure of one model; each view with its usual n, and a
    cell with its own where that differs."""
    rows = _NAMES[1:-1]
    usual = frame["queries"].map(frame.groupby("queries")["n"].agg(lambda n: n.mode().iloc[0]))
    named = frame.assign(queries=frame["queries"] + " (n = " + usual.astype(str) + ")")
    table = wide(named, rows, "queries")
    keys = table[rows].itertuples(index=False, name=None)
    lines = {key: line for line, key in enumerate(keys)}
    for row in named[named["n"] != usual].itertuples():
        line = lines[row.analysis, row.item, row.measure]
        table.loc[line, row.queries] += f", n = {row.n}"
    return table


def _from_tables(tables: ViewTables, models: list[str]) -> Iterator[pd.DataFrame]:
    """The rows of the other tables that belong here, under this table's names."""
    frames = {name: read_csv(path) for name, path in vars(tables).items()}
    for name, frame in frames.items():
        check_known(models, frame["model"], getattr(tables, name))
    frames = {
        name: frame[frame["model"].isin(models) & frame["queries"].isin(VIEWS)]
        for name, frame in frames.items()
    }
    ratios = frames["contributions"][frames["contributions"]["measure"] == "ratio"]
    yield _named(
        ratios, "contributions", "layer" + ratios["layer"].astype(str), ratios["component"]
    )

    ranks = frames["rank_development"]
    ranks = ranks[(ranks["source"] == "residual") & (ranks["measure"] == "docid_rank_median")]
    yield _named(ranks, "rank_development", "layer" + ranks["layer"].astype(str))

    shares = frames["docid_share"][frames["docid_share"]["stage"] == "II"]
    top = "top" + shares["top"].astype(str)
    shares = shares.assign(measure="docid_percent")
    yield _named(shares, "docid_share", "II", shares["unit"], top)

    flow = frames["communication"].assign(measure="share")
    arrow = flow["source_stage"] + " " + flow["source"] + " -> " + flow["target_stage"]
    yield _named(flow, "communication", arrow, flow["target"])


def _named(frame: pd.DataFrame, analysis: str, *item: pd.Series | str) -> pd.DataFrame:
    names = pd.Series("", index=frame.index)
    for part in item:
        names = names + " " + part
    return frame.assign(analysis=analysis, item=names.str.strip())[COLUMNS]


def _model_rows(files: RankFiles, seed: int) -> Iterator[dict]:
    clean = read_ranks(files.clean)
    for analysis, item, frame in _ranked(files):
        for view, ranks in views(frame, clean).items():
            for measure in _MEASURES[analysis] if view in VIEWS else ():
                names = dict(zip(_NAMES, (files.model, analysis, item, measure, view), strict=True))
                yield names | columns(_OF_RANKS[measure](ranks, clean, seed))


def _ranked(files: RankFiles) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Analysis, item and ranks of all queries."""
    yield "evaluate", "unmodified", read_ranks(files.clean)
    for cell, path in patch_files(files.patch_stage, files.methods, PATCHED_STAGES).items():
        yield "patch_stage", " ".join(cell), read_ranks(path)
    direct = read_parquet(files.direct_contribution)
    for source, ranks in direct.groupby("source", sort=False):
        yield "direct_contribution", source, ranks
    if files.pretrained_encoder is not None:
        yield "encoder_swap", "pretrained", read_ranks(files.pretrained_encoder)


def _hits_at_1(ranks: pd.DataFrame, _: pd.DataFrame, seed: int) -> Interval:
    return mean_interval(ranks["vocabulary_rank"] == 1, ranks["doc_id"], seed)


def _mrr(ranks: pd.DataFrame, _: pd.DataFrame, seed: int) -> Interval:
    return mean_interval(1 / ranks["vocabulary_rank"], ranks["doc_id"], seed)


def _median_rank(ranks: pd.DataFrame, _: pd.DataFrame, seed: int) -> Interval:
    values = ranks["vocabulary_rank"].to_numpy(float)
    return statistic_interval(values, ranks["doc_id"], np.median, seed)


def _net_hits_at_1(ranks: pd.DataFrame, clean: pd.DataFrame, seed: int) -> Interval:
    """Hits@1 minus that of the same queries in the unmodified model, in percentage points."""
    before, after = aligned(clean[clean["query_id"].isin(ranks["query_id"])], ranks)
    hits = [table["vocabulary_rank"] == 1 for table in (after, before)]
    return difference_interval(*hits, before["doc_id"], seed).times(100)


_OF_RANKS = {
    "hits_at_1": _hits_at_1,
    "mrr": _mrr,
    "median_rank": _median_rank,
    "net_hits_at_1": _net_hits_at_1,
}
_MEASURES = {
    "evaluate": ("hits_at_1", "mrr"),
    "patch_stage": ("hits_at_1", "mrr", "net_hits_at_1"),
    "direct_contribution": ("mrr", "median_rank"),
    "encoder_swap": ("mrr",),
}
