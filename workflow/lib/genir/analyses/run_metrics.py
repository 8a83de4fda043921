"""Retrieval metrics of a TREC run."""

from pathlib import Path

import ir_measures
import numpy as np
import pandas as pd
from ir_measures import RR, Qrel, R, ScoredDoc, Success, nDCG

from genir.base.errors import AnalysisError
from genir.base.joins import check_known
from genir.corpora.trec import read_qrels, read_run
from genir.estimates.intervals import mean_interval

METRICS = {
    "hits_at_1": Success @ 1,
    "hits_at_10": Success @ 10,
    "recall_at_5": R @ 5,
    "mrr_at_10": RR @ 10,
    "ndcg_at_10": nDCG @ 10,
}


def query_metrics(run: Path, qrels: Path, query_ids: pd.Series) -> pd.DataFrame:
    """One row per query of `query_ids`, one column per metric; a query without a line in the run
    counts 0.

    Raises AnalysisError if the qrels lack a query, of these or of the run, and as `read_run`.
    """
    relevant, ranked = read_qrels(qrels), read_run(run)
    check_known(ranked["query_id"].unique(), relevant["query_id"], qrels)
    # iter_calc of the package picks a provider per measure; pytrec_eval's own would ignore the
    # cut-off of RR. Its readers take any line and the locale's encoding.
    results = ir_measures.iter_calc(
        METRICS.values(),
        [Qrel(row.query_id, row.doc_id, 1) for row in relevant.itertuples()],
        [ScoredDoc(*row) for row in ranked.itertuples(index=False)],
    )
    names = {measure: name for name, measure in METRICS.items()}
    rows = [(result.query_id, names[result.measure], result.value) for result in results]
    table = pd.DataFrame(rows, columns=["query_id", "metric", "value"])
    missing = query_ids[~query_ids.isin(table["query_id"])]
    if len(missing):
        raise AnalysisError(
            f"{qrels}: no line for query {missing.iloc[0]!r}; "
            "write qrels and queries from the same dataset"
        )
    wide = table.pivot(index="query_id", columns="metric", values="value")
    return wide.loc[query_ids, list(METRICS)]


def retrieval_metrics(run: Path, qrels: Path, queries: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Every metric on every slice of `queries` (query_id, doc_id, verbatim, shared_words): slice,
    metric, value, low, high, n.

    Raises AnalysisError if the qrels lack a query.
    """
    values = query_metrics(run, qrels, queries["query_id"])
    members = {
        "all": np.ones(len(queries), dtype=bool),
        "no_shared_word": queries["shared_words"].to_numpy() == 0,
        "not_verbatim": ~queries["verbatim"].to_numpy(dtype=bool),
    }
    clusters = queries["doc_id"].to_numpy()
    rows = [
        {"slice": name, "metric": metric}
        | vars(mean_interval(values[metric].to_numpy()[chosen], clusters[chosen], seed))
        for name, chosen in members.items()
        for metric in METRICS
    ]
    return pd.DataFrame(rows)
