"""The study's numbers, as they stand beside ours."""

from pathlib import Path

import pandas as pd

from genir.files import read_csv

SYSTEM = "T5-large (paper) NQ10k"
DATASET = "NQ10k"
_ENCODERS = {"Full": "full", "RD I": "rd1", "RD II": "rd2", "RD III": "rd3", "RD IV": "rd4"}
_REMOVED_DOCUMENTS = 10
_COMPONENTS = {"attention": "self_attention"}
_ONE_THIRD = "one third"
_IN_TEXT_UNITS = {
    "pretrained_encoder_mean_rank": ("mean rank", "vocabulary"),
    "mlp_only_not_first": ("percent", "vocabulary"),
    "cross_attention_only_rank": ("percent beyond rank 100", "vocabulary"),
    "active_components": ("share", ""),
    "top5_shared_heads": ("percent", ""),
    "stage3_vs_stage1_cosine": ("cosine", ""),
}
_REMARKS = {
    "pretrained_encoder_mean_rank": "the study's ranks probably count from 0, ours from 1",
    "cross_attention_only_rank": "every one, so 100 %",
    "stage3_vs_stage1_cosine": "an upper bound; ours is the largest mean cosine, with its sign, of "
    "a Stage III component, the last layer excluded, with a Stage I MLP or their sum",
    "top5_shared_heads": "of heads, not of queries",
}


def _read(path: Path) -> pd.DataFrame:
    """A file of the study's, all as text: its numbers stand among words and ranges."""
    return read_csv(path, numbers=())


def retrieval(path: Path) -> pd.DataFrame:
    """Table 1, NQ10k, as rows of the retrieval table; the study gives neither n nor interval."""
    row = _read(path).set_index("dataset").loc[DATASET]
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
    for row in _read(table).itertuples(index=False):
        encoder = _ENCODERS[row.encoder]
        values[encoder, "removed", "mrr"] = float(row.mrr)
        values[encoder, "removed", "hits_at_1"] = float(row.hits_at_1_of_10) / _REMOVED_DOCUMENTS
    numbers = _read(in_text).set_index("id")["value"]
    values["pretrained", "correct", "mean_rank"] = float(numbers["pretrained_encoder_mean_rank"])
    return values


def patching_by_stage(path: Path) -> dict[tuple[str, str, str], float]:
    """(method, stage, component) -> percent no longer first, from Table 3, NQ10k."""
    frame = _read(path)
    frame = frame[frame["dataset"] == DATASET].replace(
        {"component": {"attention": "self_attention"}}
    )
    keys = zip(frame["method"], frame["stage"], frame["component"], strict=True)
    return dict(zip(keys, frame["percent_not_rank_1"].map(float), strict=True))


def circuit(path: Path) -> dict[tuple[str, str], float]:
    """(metric, absolute or relative) -> share, from Table 4, NQ10k, which has percent."""
    row = _read(path).set_index("dataset").loc[DATASET]
    return {
        (name.removesuffix("_relative"), _circuit_kind(name)): float(percent) / 100
        for name, percent in row.items()
    }


def _circuit_kind(column: str) -> str:
    return "relative" if column.endswith("_relative") else "absolute"


def docid_share(path: Path) -> dict[int, float]:
    """Number of top tokens -> percent of docids among them, from Table 5, NQ10k."""
    row = _read(path).set_index("dataset").loc[DATASET]
    return {int(name.removeprefix("top_")): float(percent) for name, percent in row.items()}


def direct_contribution(in_text: Path) -> dict[str, str]:
    """What section 5.2 says of the ranks by the outputs of one kind of component alone."""
    numbers = _read(in_text).set_index("id")["value"]
    return {
        "mlp": f"{numbers['mlp_only_not_first']} % not first, none beyond 10",
        "cross_attention": f"all beyond {numbers['cross_attention_only_rank']}",
    }


def numbers(folder: Path) -> pd.DataFrame:
    """Every number of the six files in `folder`: table (a file's name), dataset, item, unit,
    rank_kind, paper.

    What the files give in words or as a range becomes numbers: one third, and the first and the
    last layer of a stage.
    """
    frames = {path.stem: _read(path) for path in sorted(Path(folder).glob("*.csv"))}
    of_table = {
        "table1_retrieval": (_by_column, "percent", "vocabulary"),
        "table2_encoder_swap": (_swap_numbers, None, "vocabulary"),
        "table3_stage_patching": (_patching_numbers, "percent", "vocabulary"),
        "table4_circuit": (_circuit_numbers, "percent", "vocabulary"),
        "table5_docid_share": (_docid_share_numbers, "percent", ""),
        "in_text_numbers": (_in_text_numbers, None, None),
    }
    rows = []
    for name, (read, unit, rank_kind) in of_table.items():
        shared = {"table": name, "unit": unit, "rank_kind": rank_kind}
        rows += [shared | row for row in read(frames[name])]
    return pd.DataFrame(rows)["table dataset item unit rank_kind paper".split()]


def notes(folder: Path) -> dict[str, str]:
    """Item of the numbers in the text -> what it counts, and what to think of beside ours."""
    frame = _read(Path(folder) / "in_text_numbers.csv")
    said = dict(zip(frame["id"], frame["statement"], strict=True))
    said |= {item: f"{said[item]}; {remark}" for item, remark in _REMARKS.items()}
    ends = {f"{item} {end}": said[item] for item in said for end in ("first", "last")}
    return said | ends


def _by_column(frame: pd.DataFrame) -> list[dict]:
    """Tables with a row per dataset and a column per item."""
    columns = [name for name in frame if name != "dataset"]
    return [
        {"dataset": row["dataset"], "item": name, "paper": float(row[name])}
        for row in frame.to_dict("records")
        for name in columns
    ]


def _circuit_numbers(frame: pd.DataFrame) -> list[dict]:
    return [
        row | {"item": f"{row['item'].removesuffix('_relative')} {_circuit_kind(row['item'])}"}
        for row in _by_column(frame)
    ]


def _docid_share_numbers(frame: pd.DataFrame) -> list[dict]:
    return [row | {"item": row["item"].replace("_", " ")} for row in _by_column(frame)]


def _swap_numbers(frame: pd.DataFrame) -> list[dict]:
    return [
        {"dataset": DATASET, "item": f"{_ENCODERS[row.encoder]} {measure}", "unit": unit}
        | {"paper": float(value)}
        for row in frame.itertuples(index=False)
        for measure, unit, value in (
            ("mrr", "MRR", row.mrr),
            ("hits_at_1", f"of {_REMOVED_DOCUMENTS}", row.hits_at_1_of_10),
        )
    ]


def _patching_numbers(frame: pd.DataFrame) -> list[dict]:
    return [
        {"dataset": row.dataset, "paper": float(row.percent_not_rank_1)}
        | {"item": f"{row.method} {row.stage} {_COMPONENTS.get(row.component, row.component)}"}
        for row in frame.itertuples(index=False)
    ]


def _in_text_numbers(frame: pd.DataFrame) -> list[dict]:
    rows = []
    for row in frame.itertuples(index=False):
        if row.id in _IN_TEXT_UNITS:
            unit, kind = _IN_TEXT_UNITS[row.id]
            values = {row.id: 1 / 3 if row.value == _ONE_THIRD else float(row.value)}
        else:
            unit, kind = "layer", ""
            ends = zip(("first", "last"), row.value.split("-"), strict=True)
            values = {f"{row.id} {end}": float(layer) for end, layer in ends}
        shared = {"dataset": row.dataset, "unit": unit, "rank_kind": kind}
        rows += [shared | {"item": item, "paper": value} for item, value in values.items()]
    return rows
