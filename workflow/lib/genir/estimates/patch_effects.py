"""What a patch does to the ranks: documents no longer first, repaired queries, net Hits@1."""

import numpy as np
import pandas as pd

from genir.base.errors import AnalysisError
from genir.base.names import RANK_KINDS
from genir.estimates.intervals import Interval, mean_interval
from genir.estimates.paired_tests import paired_difference


def patching_effects(
    unmodified: pd.DataFrame, patched: pd.DataFrame, seed: int = 0
) -> pd.DataFrame:
    """Effects of one patch, a row per rank kind; both tables are query_id, doc_id,
    vocabulary_rank, docid_rank of the same queries, in any order.

    Columns, in percent of n queries or in percentage points:
    rank_kind;
    broken_percent, low, high, n: correct queries (unmodified *vocabulary* rank 1) whose patched
    rank of this kind is not 1;
    repaired, repaired_low, repaired_high, repaired_n: the queries whose unmodified rank of this
    kind is not 1 and whose patched one is;
    net_hits_at_1, net_low, net_high, net_n, net_p: Hits@1 patched minus unmodified, over all
    queries, and the p value of its paired test;
    unchanged: whether no rank of either kind changed.

    Raises AnalysisError if the tables hold different queries.
    """
    unmodified, patched = aligned(unmodified, patched)
    columns = [f"{kind}_rank" for kind in RANK_KINDS]
    unchanged = bool((unmodified[columns] == patched[columns]).all(axis=None))
    rows = [
        {"rank_kind": kind} | _effects(unmodified, patched, f"{kind}_rank", seed)
        for kind in RANK_KINDS
    ]
    return pd.DataFrame(rows).assign(unchanged=unchanged)


def aligned(unmodified: pd.DataFrame, patched: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables indexed by query_id, in the order of the first.

    Raises AnalysisError if a query is missing from one of them or occurs twice.
    """
    tables = {"unmodified": unmodified, "patched": patched}
    for name, table in tables.items():
        twice = table["query_id"][table["query_id"].duplicated()]
        if len(twice):
            raise AnalysisError(
                f"query {twice.iloc[0]!r} occurs twice in the {name} ranks; write one row per query"
            )
    first, second = (table.set_index("query_id") for table in tables.values())
    lonely = first.index.symmetric_difference(second.index)
    if len(lonely):
        raise AnalysisError(
            f"query {lonely[0]!r} is in only one of the unmodified and the patched ranks; "
            "rank the same queries with and without the patch"
        )
    return first, second.loc[first.index]


def _effects(
    unmodified: pd.DataFrame, patched: pd.DataFrame, column: str, seed: int
) -> dict[str, float | int]:
    clusters = unmodified["doc_id"].to_numpy()
    correct = unmodified["vocabulary_rank"].to_numpy() == 1
    before, after = (table[column].to_numpy() == 1 for table in (unmodified, patched))
    net = paired_difference(after, before, clusters, seed)
    return (
        _named(_percent(~after, clusters, correct, seed), "broken_percent", "")
        | _named(_percent(after, clusters, ~before, seed), "repaired", "repaired_")
        | _named(net.times(100), "net_hits_at_1", "net_")
        | {"net_p": net.p}
    )


def _percent(happened: np.ndarray, clusters: np.ndarray, among: np.ndarray, seed: int) -> Interval:
    return mean_interval(happened[among], clusters[among], seed).times(100)


def _named(interval: Interval, name: str, prefix: str) -> dict[str, float | int]:
    bounds = {f"{prefix}{key}": getattr(interval, key) for key in ("low", "high", "n")}
    return {name: interval.value} | bounds
