"""A model against every other system on the same queries: paired differences in retrieval."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from genir.analyses.run_metrics import query_metrics
from genir.estimates.intervals import columns
from genir.estimates.paired_tests import holm, paired_difference
from genir.files.io import read_parquet
from genir.tables.page import Table, p_value, with_interval

METRICS = ("hits_at_1", "hits_at_10")
COLUMNS = "model against split metric value low high n p p_holm".split()


@dataclass(frozen=True)
class SplitFiles:
    """Qrels of one split of the model's dataset, and the TREC run of every system on it."""

    split: str
    qrels: Path
    runs: dict[str, Path]


def make(model: str, splits: list[SplitFiles], queries: Path, seed: int) -> Table:
    """Compare the headline model's retrieval with that of every other system, query by query.

    Hits of `model` minus those of every other system, in percentage points. Intervals are over
    documents; p is that of a paired two-sided test, p_holm the same after Holm's correction over
    all rows.

    Args:
        model: the headline model.
        splits: qrels and TREC runs of every system, a split each.
        queries: the dataset's queries (Parquet).

    Raises:
        AnalysisError: if the qrels lack a query.
    """
    table = read_parquet(queries)
    records = []
    for files in splits:
        asked = table[table["split"] == files.split]
        metrics = {
            system: query_metrics(run, files.qrels, asked["query_id"])
            for system, run in files.runs.items()
        }
        for system in (name for name in metrics if name != model):
            for metric in METRICS:
                own, other = (metrics[name][metric].to_numpy() for name in (model, system))
                difference = paired_difference(own, other, asked["doc_id"], seed)
                names = {"model": model, "against": system, "split": files.split, "metric": metric}
                records.append(names | columns(difference.times(100)) | {"p": difference.p})
    frame = pd.DataFrame(records, columns=COLUMNS[:-1])
    frame = frame.assign(p_holm=holm(frame["p"]))
    return Table(frame, shown(frame), "rank kind: docid (runs hold documents only)")


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per comparison."""
    names = frame[["model", "against", "split", "metric"]]
    cells = {"difference, points": with_interval(frame), "n": frame["n"]}
    return names.assign(**cells, **{"p (Holm)": frame["p_holm"].map(p_value)})
