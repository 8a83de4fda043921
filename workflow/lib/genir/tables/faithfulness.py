"""Circuits of every size: how much of the model each keeps."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from genir.analyses.circuit_orders import ALL_ORDERS, logit_difference
from genir.base.names import ABLATIONS, ORDERS
from genir.estimates.faithfulness import Faithfulness, faithfulness
from genir.estimates.intervals import columns
from genir.files.io import read_parquet
from genir.tables.page import VOCABULARY_RANK, Table, with_interval

METRICS = {"logit_difference": "logit difference", "hits_at_1": "Hits@1"}
COLUMNS = "model order ablation metric active components value low high n".split()
SHARES = (0.1, 0.25, 0.5, 0.75)
NOTE = "Test queries that the model answers; orders are chosen on validation queries."


def make(files: dict[str, Path], seed: int) -> Table:
    """Tabulate f(k) of every order of components, over the test queries that the model answers.

    Args:
        files: model -> the curves that circuit_curve wrote.
    """
    rows = []
    for model, path in files.items():
        for place, curve, active in of_model(path, seed):
            whole = {"model": model, "components": int(active[-1])} | place
            rows += [
                whole | {"active": int(number)} | columns(interval)
                for number, interval in zip(active, curve.f, strict=True)
            ]
    frame = pd.DataFrame(rows)[COLUMNS]
    return Table(frame, shown(frame), VOCABULARY_RANK.partition(";")[0], NOTE)


def of_model(path: Path, seed: int) -> Iterator[tuple[dict[str, str], Faithfulness, np.ndarray]]:
    """Order, ablation and metric, what `faithfulness` says of them, and how many components stay in
    each circuit `[circuit]`; random orders are one."""
    frame = read_parquet(path)
    frame["difference"] = logit_difference(frame)
    frame["hits"] = (frame["vocabulary_rank"] == 1).astype(float)
    # Without another document there is no difference.
    frame = frame[~frame["query_id"].isin(frame.loc[frame["difference"].isna(), "query_id"])]
    kinds = frame["order"].str.replace(r"\d+$", "", regex=True)
    for ablation in [name for name in ABLATIONS if (frame["ablation"] == name).any()]:
        here = frame["ablation"] == ablation
        ends = frame[here & (frame["order"] == ALL_ORDERS)]
        for order in [name for name in ORDERS if (here & (kinds == name)).any()]:
            parts = [part for _, part in frame[here & (kinds == order)].groupby("order")]
            for metric, column in (("logit_difference", "difference"), ("hits_at_1", "hits")):
                grids = [
                    pd.concat([part, ends]).pivot(
                        index="active", columns=["query_id", "doc_id"], values=column
                    )
                    for part in parts
                ]
                documents = grids[0].columns.get_level_values("doc_id")
                measure = np.stack([grid.to_numpy() for grid in grids])
                active = grids[0].index.to_numpy()
                place = {"order": order, "ablation": ablation, "metric": metric}
                yield place, faithfulness(measure, active, documents, seed), active


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """f of the circuits nearest to some shares of all components, a line per order."""
    rows, lines = ["model", "ablation", "metric", "order"], []
    for key, part in frame.groupby(rows, sort=False):
        taken = part["active"] / part["components"]
        cells = {
            f"{share:.0%}": with_interval(part.loc[[(taken - share).abs().idxmin()]]).iloc[0]
            for share in SHARES
        }
        lines.append(dict(zip(rows, key, strict=True)) | cells | {"n": part["n"].max()})
    return pd.DataFrame(lines)
