"""How far a patch by a donor's outputs moves the model from a query's document to the donor's."""

from pathlib import Path

import pandas as pd

from genir.base.joins import check_known
from genir.base.names import DONORS
from genir.base.patched_files import table_file
from genir.estimates.intervals import Interval, mean_ratio_interval, wilson
from genir.files.io import read_parquet

MOVED = ("moved_to_donor", "moved_to_donor_low", "moved_to_donor_high", "moved_to_donor_n")


def read_donors(folder: Path | None, method: str) -> pd.DataFrame | None:
    """The queries that have a donor of `method`, with what the analysis `donors` wrote of them;
    None for a method without donors."""
    if method not in DONORS:
        return None
    table = read_parquet(folder / table_file(method))
    return table[table["donor_doc_id"].notna()]


def with_a_donor(ranks: pd.DataFrame, donors: pd.DataFrame | None) -> pd.DataFrame:
    """The rows of `ranks` whose query has a donor; all without `donors`."""
    if donors is None:
        return ranks
    check_known(donors["query_id"], ranks["query_id"], "the ranks of the unmodified model")
    return ranks[ranks["query_id"].isin(donors["query_id"])]


def moved_to_donor(
    unmodified: pd.DataFrame, patched: pd.DataFrame, donors: pd.DataFrame | None, seed: int
) -> Interval:
    """Which share of the way from the query to its donor a patch goes, on the logit difference d of
    the relevant document and the donor's document: sum(d - d') / sum(d - d*) over the correct
    queries with a donor of another document.

    d is on the query, d' on the query under the patch, d* on the donor, all with the same two
    documents. 0: as on the query; 1: as on the donor. It is 1 minus the normalised logit difference
    (LD_patched - LD_*) / (LD_clean - LD_*) of Zhang and Nanda 2023 (arXiv 2309.16042), as a ratio
    of means; the interval is a bootstrap by documents, over the same queries in both sums. Both
    tables of ranks are `aligned`. NaN, and n is 0, without `donors` or a query, or where donors do
    not prefer their document on average.
    """
    if donors is None:
        return wilson(0, 0)
    beside = donors.set_index("query_id").loc[unmodified.index]
    before, whole = beside["difference"], beside["difference"] - beside["donor_difference"]
    moved = before - (patched["relevant_logit"] - patched["donor_logit"])
    taken = (unmodified["vocabulary_rank"] == 1) & before.notna()
    return mean_ratio_interval(moved[taken], whole[taken], unmodified.loc[taken, "doc_id"], seed)
