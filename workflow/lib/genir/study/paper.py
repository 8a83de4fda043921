"""Every number of the study, and what is to be said of it."""

from pathlib import Path

import pandas as pd

from genir.tables.published import (
    COMPONENTS,
    DATASET,
    ENCODERS,
    REMOVED_DOCUMENTS,
    circuit_kind,
    read_study,
)

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


def numbers(folder: Path) -> pd.DataFrame:
    """Every number of the six files in `folder`: table (a file's name), dataset, item, unit,
    rank_kind, paper.

    What the files give in words or as a range becomes numbers: one third, and the first and the
    last layer of a stage.
    """
    frames = {path.stem: read_study(path) for path in sorted(Path(folder).glob("*.csv"))}
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
    frame = read_study(Path(folder) / "in_text_numbers.csv")
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
        row | {"item": f"{row['item'].removesuffix('_relative')} {circuit_kind(row['item'])}"}
        for row in _by_column(frame)
    ]


def _docid_share_numbers(frame: pd.DataFrame) -> list[dict]:
    return [row | {"item": row["item"].replace("_", " ")} for row in _by_column(frame)]


def _swap_numbers(frame: pd.DataFrame) -> list[dict]:
    return [
        {"dataset": DATASET, "item": f"{ENCODERS[row.encoder]} {measure}", "unit": unit}
        | {"paper": float(value)}
        for row in frame.itertuples(index=False)
        for measure, unit, value in (
            ("mrr", "MRR", row.mrr),
            ("hits_at_1", f"of {REMOVED_DOCUMENTS}", row.hits_at_1_of_10),
        )
    ]


def _patching_numbers(frame: pd.DataFrame) -> list[dict]:
    return [
        {"dataset": row.dataset, "paper": float(row.percent_not_rank_1)}
        | {"item": f"{row.method} {row.stage} {COMPONENTS.get(row.component, row.component)}"}
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
