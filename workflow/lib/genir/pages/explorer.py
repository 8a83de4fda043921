"""The explorer: a page on which one looks at how a model answers single queries."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from genir.analyses.used_stages import read_stages
from genir.base.errors import AnalysisError
from genir.base.names import ATTENTIONS, COMPONENTS, PATCHED_STAGES
from genir.files.io import read_csv, read_parquet
from genir.pages import places
from genir.pages.answers import add_slices, answered, listed
from genir.pages.details import head_details, layers_of
from genir.pages.inside import LENS, inside
from genir.pages.page import assembled
from genir.pages.places import Explored

_KEPT = {
    "patching": "method layer component",
    "patching_heads": "method layer component head",
    "patching_by_stage": "method stage component",
    "contributions": "queries layer component measure value low high n",
    "rank_development": "queries layer source measure value low high n",
    "signed_contributions": "queries layer component head value low high n",
    "query_words": "where kind group measure value low high n",
}
_EFFECTS = (
    "broken_percent low high n logit_difference_lost logit_difference_lost_low "
    "logit_difference_lost_high logit_difference_lost_n"
)
"""Columns that the pictures of all queries show."""


def explorer_page(
    results: Path,
    data: Path,
    folder: Path,
    model: Explored,
    beside: Sequence[Explored],
    slices: Path | None = None,
) -> str:
    """The page of a model as HTML.

    `results` is the folder of results, `data` the model's dataset in it, `folder` the model.
    `beside` are models of the same dataset that it can be compared with, `slices` what
    `query_slices` wrote of the dataset.
    Raises AnalysisError if a file is missing, or files do not belong together.
    """
    needed = [path for each in (model, *beside) for path in places.of_model(results, each)]
    for path in (*needed, places.stages(results, model.name)):
        check_there(path)
    documents = read_parquet(data / "documents.parquet", columns=["doc_id", "title"])
    queries = listed(data, results, model.name)
    inner = pd.Index(queries.loc[queries["split"] == "validation", "query_id"])
    heads, left_out = head_details(results, folder, documents, model, inner)
    told = answered(results, data, documents, queries, [model, *beside])
    told.facts |= {
        "model": model.name,
        "dataset": data.name,
        "models": [{"name": m.name, "methods": m.methods} for m in (model, *beside)],
        "layers": model.layers,
        "components": COMPONENTS,
        "attentions": ATTENTIONS,
        "sources": LENS,
        "patchedStages": PATCHED_STAGES,
        "stages": read_stages(places.stages(results, model.name)),
        "headMethods": model.head_methods,
        "headsLeftOut": left_out,
        "tables": _tables(results, model.name),
    }
    if slices is not None:
        add_slices(told, slices)
    packs = {"queries": told.text(), "inside-0": inside(results, model, inner)}
    packs |= {
        f"inside-{number}": inside(results, other, inner)
        for number, other in enumerate(beside, start=1)
    }
    if heads is not None:
        packs["heads"] = heads
    return assembled("explorer", f"{model.name}: queries on their way", packs)


def explored(results: Path, name: str) -> Explored:
    """What there is of a model in a folder of results."""
    path = places.of_one(results, "contributions", name)
    check_there(path)
    return places.found(results, name, layers_of(path))


def check_there(path: Path) -> None:
    """Raises AnalysisError if there is no such file."""
    if not path.is_file():
        raise AnalysisError(f"{path} is not there; run `snakemake` first, or name another model")


def _tables(results: Path, model: str) -> dict[str, dict[str, list]]:
    """Table -> column -> its values in the rows of the model; vocabulary ranks, where there are
    ranks of both kinds. Tables that are not there are left out."""
    found = {}
    for name, columns in _KEPT.items():
        path = places.table(results, name)
        if not path.is_file():
            continue
        frame = read_csv(path)
        frame = frame[frame["model"] == model]
        if "rank_kind" in frame:
            frame = frame[frame["rank_kind"] == "vocabulary"]
            columns = f"{columns} {_EFFECTS}"
        frame = frame[columns.split()]
        found[name] = {column: _plain(frame[column]) for column in frame}
    return found


def _plain(column: pd.Series) -> list:
    """As JSON takes it: six digits, and None for what is missing."""
    if column.dtype.kind == "f":
        return [None if pd.isna(value) else float(f"{value:.6g}") for value in column]
    return column.tolist()
