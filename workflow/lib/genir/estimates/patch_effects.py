"""What a patch does to the ranks: documents no longer first, repaired queries, net Hits@1; and
what it takes of the logit difference, which goes on where ranks no longer tell."""

import numpy as np
import pandas as pd

from genir.base.errors import AnalysisError
from genir.base.names import RANK_KINDS
from genir.estimates.donors import MOVED, moved_to_donor, with_a_donor
from genir.estimates.intervals import Interval, columns, mean_interval, mean_ratio_interval
from genir.estimates.paired_tests import paired_difference

DIFFERENCE_LOST = (
    "logit_difference_lost",
    "logit_difference_lost_low",
    "logit_difference_lost_high",
    "logit_difference_lost_n",
)


def patching_effects(
    unmodified: pd.DataFrame,
    patched: pd.DataFrame,
    seed: int = 0,
    donors: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Effects of one patch, a row per rank kind; both tables are query_id, doc_id,
    vocabulary_rank, docid_rank, relevant_logit, other_logit of the same queries, in any order. With
    `donors` (of `read_donors`) all is over the queries that have one.

    Columns, in percent of n queries or in percentage points:
    rank_kind;
    broken_percent, low, high, n: correct queries (unmodified *vocabulary* rank 1) whose patched
    rank of this kind is not 1;
    repaired, repaired_low, repaired_high, repaired_n: the queries whose unmodified rank of this
    kind is not 1 and whose patched one is;
    net_hits_at_1, net_low, net_high, net_n, net_p: Hits@1 patched minus unmodified, over all
    queries, and the p value of its paired test;
    logit_difference_lost, and with _low, _high, _n behind that: see `logit_difference_lost`, the
    same for both kinds of ranks;
    moved_to_donor, and the same behind that: see `genir.estimates.donors`;
    unchanged: whether no rank of either kind changed.

    Raises AnalysisError if the tables hold different queries.
    """
    unmodified, patched = aligned(with_a_donor(unmodified, donors), patched)
    ranks = [f"{kind}_rank" for kind in RANK_KINDS]
    unchanged = bool((unmodified[ranks] == patched[ranks]).all(axis=None))
    rows = [
        {"rank_kind": kind} | _effects(unmodified, patched, f"{kind}_rank", seed)
        for kind in RANK_KINDS
    ]
    lost = columns(logit_difference_lost(unmodified, patched, seed), DIFFERENCE_LOST)
    moved = columns(moved_to_donor(unmodified, patched, donors, seed), MOVED)
    return pd.DataFrame(rows).assign(unchanged=unchanged, **lost, **moved)


def logit_difference_lost(unmodified: pd.DataFrame, patched: pd.DataFrame, seed: int) -> Interval:
    """How much of the logit difference a patch takes, in units of the unmodified one:
    sum(d - d') / sum(d) over the correct queries.

    d is the logit of the relevant document minus that of the best other document in the unmodified
    model, d' in the patched one, each with its own best other document (and its own best relevant
    one). 0: nothing; 1: relevant and best other document are level on average; above 1: the other
    one leads. It is a ratio of means, so that queries with hardly a difference do not decide it;
    the interval is a bootstrap by documents, over the same queries in both sums. Both tables are
    `aligned`. Queries without another document are left out. NaN, and n is 0, without a query.
    """
    before, after = (
        table["relevant_logit"] - table["other_logit"] for table in (unmodified, patched)
    )
    taken = (unmodified["vocabulary_rank"] == 1) & before.notna()
    before, after = before[taken], after[taken]
    return mean_ratio_interval(before - after, before, unmodified.loc[taken, "doc_id"], seed)


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
