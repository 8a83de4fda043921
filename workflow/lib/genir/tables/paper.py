"""The study's numbers, as they stand beside ours."""

from pathlib import Path

import pandas as pd

SYSTEM = "T5-large (paper) NQ10k"
DATASET = "NQ10k"
_ENCODERS = {"Full": "full", "RD I": "rd1", "RD II": "rd2", "RD III": "rd3", "RD IV": "rd4"}
_REMOVED_DOCUMENTS = 10


def retrieval(path: Path) -> pd.DataFrame:
    """Table 1, NQ10k, as rows of the retrieval table; the study gives neither n nor interval."""
    row = pd.read_csv(path).set_index("dataset").loc[DATASET]
    names = {"system": SYSTEM, "dataset": DATASET, "split_mode": "document", "split": "test"}
    records = [
        names | {"slice": "all", "metric": metric, "value": percent / 100}
        for metric, percent in row.items()
    ]
    return pd.DataFrame(records)


def encoder_swap(table: Path, in_text: Path) -> dict[tuple[str, str, str], float]:
    """(encoder, queries, measure) -> value, from Table 2 and the text of section 4.

    The mean rank of the pre-trained encoder probably counts from 0, ours counts from 1.
    """
    values = {}
    for row in pd.read_csv(table).itertuples(index=False):
        encoder = _ENCODERS[row.encoder]
        values[encoder, "removed", "mrr"] = float(row.mrr)
        values[encoder, "removed", "hits_at_1"] = row.hits_at_1_of_10 / _REMOVED_DOCUMENTS
    numbers = pd.read_csv(in_text).set_index("id")["value"]
    values["pretrained", "correct", "mean_rank"] = float(numbers["pretrained_encoder_mean_rank"])
    return values


def patching_by_stage(path: Path) -> dict[tuple[str, str, str], float]:
    """(method, stage, component) -> percent no longer first, from Table 3, NQ10k."""
    frame = pd.read_csv(path)
    frame = frame[frame["dataset"] == DATASET].replace(
        {"component": {"attention": "self_attention"}}
    )
    keys = zip(frame["method"], frame["stage"], frame["component"], strict=True)
    return dict(zip(keys, frame["percent_not_rank_1"], strict=True))
