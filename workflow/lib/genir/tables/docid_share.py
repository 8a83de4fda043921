"""Share of docid tokens among what cross-attention heads say (the study's Table 5)."""

from pathlib import Path

import pandas as pd

from genir.analyses.used_stages import read_stages, stage_of_layers
from genir.estimates.intervals import columns, mean_interval
from genir.estimates.ranks import read_ranks, views
from genir.files.io import read_json, read_parquet
from genir.models.docids import DOCIDS_FILE, load_docids
from genir.tables import published
from genir.tables.page import NO_RANK, Table, wide

COLUMNS = "model queries unit stage top value low high n base_rate stages paper".split()
_CELL = ["unit", "stage", "top"]
_OF_PAPER = {"queries": "correct", "unit": "head", "stage": "II"}


def make(
    files: dict[str, Path],
    clean: dict[str, Path],
    stages: dict[str, Path],
    models: dict[str, Path],
    paper_share: Path,
    seed: int,
) -> Table:
    """Tabulate the share of docid tokens among what cross-attention heads say.

    Percent of docid tokens among the top tokens of the logit lens, mean over layers, heads and
    queries, by model, view, unit (a head, or the whole component), stage and number of top tokens;
    base_rate is the percent of docids among all tokens. The study's numbers stand beside the cells
    they were computed for.

    Args:
        files: model -> the shares that the rule head_lens wrote.
        models: model -> its folder.
        paper_share: resources/paper/table5_docid_share.csv.
    """
    records = []
    for model, path in files.items():
        used = read_stages(stages[model])
        base = {"base_rate": base_rate(models[model]), "stages": used["status"]}
        means = query_means(read_parquet(path), used["used"])
        for view, frame in views(means, read_ranks(clean[model])).items():
            for cell, part in frame.groupby(_CELL, sort=False):
                names = {"model": model, "queries": view} | dict(zip(_CELL, cell, strict=True))
                interval = mean_interval(part["share"] / 100, part["doc_id"], seed)
                records.append(names | columns(interval, scale=100) | base)
    table, paper = pd.DataFrame(records), published.docid_share(paper_share)
    of_paper = (table[list(_OF_PAPER)] == pd.Series(_OF_PAPER)).all(axis=1)
    frame = table.assign(paper=table["top"].map(paper).where(of_paper))[COLUMNS]
    return Table(frame, shown(frame), NO_RANK)


def query_means(shares: pd.DataFrame, stages: dict[str, list[int]]) -> pd.DataFrame:
    """Mean share of every query over the layers of a stage, of its heads and of the whole
    component: unit, stage, top, query_id, doc_id, share."""
    heads_first = shares.sort_values("head", ascending=False, kind="stable")
    named = heads_first.assign(
        stage=heads_first["layer"].map(stage_of_layers(stages)),
        unit=(heads_first["head"] < 0).map({True: "component", False: "head"}),
    )
    keys = [*_CELL, "query_id", "doc_id"]
    return named.groupby(keys, sort=False)["share"].mean().reset_index()


def base_rate(model: Path) -> float:
    """Percent of docid tokens among all tokens of the model in a folder."""
    vocabulary = read_json(Path(model) / "config.json")["vocab_size"]
    return 100 * len(load_docids(Path(model) / DOCIDS_FILE, vocabulary)) / vocabulary


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per model, view, unit and stage."""
    named = frame.assign(top=frame["top"].map("% of top {}".format))
    rows = ["model", "queries", "unit", "stage", "stages", "n", "base_rate"]
    table = wide(named, rows, "top").rename(columns={"base_rate": "base rate %"})
    given = named.dropna(subset="paper").groupby(["model", *_OF_PAPER])["paper"]
    cells = given.agg(lambda values: " / ".join(f"{value:g}" for value in values)).to_dict()
    keys = table[["model", *_OF_PAPER]].itertuples(index=False, name=None)
    return table.assign(**{published.LABEL: [cells.get(key, "") for key in keys]})
