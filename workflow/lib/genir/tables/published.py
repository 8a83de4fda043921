"""The study's numbers as its tables give them, for those of ours that set them beside their own."""

from pathlib import Path

import pandas as pd

from genir.files.io import read_csv

LABEL = "T5-large, NQ10k (paper)"
SYSTEM = "T5-large (paper) NQ10k"
DATASET = "NQ10k"
ENCODERS = {"Full": "full", "RD I": "rd1", "RD II": "rd2", "RD III": "rd3", "RD IV": "rd4"}
COMPONENTS = {"attention": "self_attention"}
"""The study's names of components that we call otherwise."""
REMOVED_DOCUMENTS = 10


def read_study(path: Path) -> pd.DataFrame:
    """A file of the study's, all as text: its numbers stand among words and ranges."""
    return read_csv(path, numbers=())


def retrieval(path: Path) -> pd.DataFrame:
    """Table 1, NQ10k, as rows of the retrieval table; the study gives neither n nor interval."""
    row = read_study(path).set_index("dataset").loc[DATASET]
    names = {"system": SYSTEM, "dataset": DATASET, "split_mode": "document", "split": "test"}
    records = [
        names | {"slice": "all", "metric": metric, "value": float(percent) / 100}
        for metric, percent in row.items()
    ]
    return pd.DataFrame(records)


def encoder_swap(table: Path, in_text: Path) -> dict[tuple[str, str, str], float]:
    """(encoder, queries, measure) -> value, from Table 2 and the text of section 4.

    The mean rank of the pre-trained encoder probably counts from 0, ours counts from 1.
    """
    values = {}
    for row in read_study(table).itertuples(index=False):
        encoder = ENCODERS[row.encoder]
        values[encoder, "removed", "mrr"] = float(row.mrr)
        values[encoder, "removed", "hits_at_1"] = float(row.hits_at_1_of_10) / REMOVED_DOCUMENTS
    numbers = read_study(in_text).set_index("id")["value"]
    values["pretrained", "correct", "mean_rank"] = float(numbers["pretrained_encoder_mean_rank"])
    return values


def patching_by_stage(path: Path) -> dict[tuple[str, str, str], float]:
    """(method, stage, component) -> percent no longer first, from Table 3, NQ10k."""
    frame = read_study(path)
    frame = frame[frame["dataset"] == DATASET].replace({"component": COMPONENTS})
    keys = zip(frame["method"], frame["stage"], frame["component"], strict=True)
    return dict(zip(keys, frame["percent_not_rank_1"].map(float), strict=True))


def circuit(path: Path) -> dict[tuple[str, str], float]:
    """(metric, absolute or relative) -> share, from Table 4, NQ10k, which has percent."""
    row = read_study(path).set_index("dataset").loc[DATASET]
    return {
        (name.removesuffix("_relative"), circuit_kind(name)): float(percent) / 100
        for name, percent in row.items()
    }


def circuit_kind(column: str) -> str:
    """Whether a column of Table 4 is absolute or relative."""
    return "relative" if column.endswith("_relative") else "absolute"


def docid_share(path: Path) -> dict[int, float]:
    """Number of top tokens -> percent of docids among them, from Table 5, NQ10k."""
    row = read_study(path).set_index("dataset").loc[DATASET]
    return {int(name.removeprefix("top_")): float(percent) for name, percent in row.items()}


def direct_contribution(in_text: Path) -> dict[str, str]:
    """What section 5.2 says of the ranks by the outputs of one kind of component alone."""
    numbers = read_study(in_text).set_index("id")["value"]
    return {
        "mlp": f"{numbers['mlp_only_not_first']} % not first, none beyond 10",
        "cross_attention": f"all beyond {numbers['cross_attention_only_rank']}",
    }
