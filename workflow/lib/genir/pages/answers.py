"""What models answer: the list of queries, with ranks, logits and first documents."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genir.base.errors import AnalysisError
from genir.base.joins import looked_up
from genir.base.names import EVALUATED
from genir.corpora.trec import read_qrels, read_run
from genir.estimates.ranks import read_ranks
from genir.files.io import read_parquet
from genir.models.token_names import titles_of
from genir.pages import places
from genir.pages.packing import Pack
from genir.pages.places import Explored

SHOWN = 10
"""First documents of a query that are shown."""
THIRDS = ("low", "middle", "high", "none")
_SLICES = ["nearest_overlap", "training_count", "nearest_query", "training_queries"]
_FACTS = ["text", "verbatim", "shared_words"]
_RANKS = ("vocabulary_rank", "docid_rank", "relevant_logit", "other_logit")


def listed(data: Path, results: Path, model: str) -> pd.DataFrame:
    """The validation queries in the order of their ranks, which that of all analyses is, then the
    test queries: query_id, split, text, verbatim, shared_words."""
    parts = [
        read_ranks(places.ranks(results, model, split))[["query_id"]].assign(split=split)
        for split in EVALUATED
    ]
    queries = pd.concat(parts, ignore_index=True)
    known = read_parquet(data / "queries.parquet").set_index("query_id")
    found = {
        name: looked_up(queries["query_id"], known[name], data / "queries.parquet")
        for name in _FACTS
    }
    return queries.assign(**found)


def add_slices(pack: Pack, path: Path) -> None:
    """Columns by query of the file that `query_slices` writes: overlap (with the nearest training
    query, none without one) and trainingQueries; nearestSlice and countSlice, places in THIRDS."""
    ids = pd.Index(pack.facts["ids"])
    frame = read_parquet(path, ["query_id", *_SLICES]).set_index("query_id")
    found = {name: looked_up(pd.Series(ids), frame[name], path) for name in _SLICES}
    pack.facts["thirds"] = THIRDS
    pack.add("overlap", found["nearest_overlap"].to_numpy(float), 1000)
    pack.add("trainingQueries", found["training_count"].to_numpy())
    for key, name in (("nearestSlice", "nearest_query"), ("countSlice", "training_queries")):
        pack.add(key, pd.Index(THIRDS).get_indexer(found[name]))


def answered(
    results: Path,
    data: Path,
    documents: pd.DataFrame,
    queries: pd.DataFrame,
    models: Sequence[Explored],
) -> Pack:
    """All queries with their relevant documents and what each model answers.

    Columns are by query: `relevant` `[query, document]`, `rank`, `docid`, `relevantLogit`,
    `otherLogit` `[model, query]` and `first` `[model, query, place]`; documents are places in
    the list of those that are named, missing ones are none.
    """
    ids = pd.Index(queries["query_id"])
    pairs = pd.concat([read_qrels(data / f"qrels.{split}.txt") for split in EVALUATED])
    relevant = pairs.groupby("query_id", sort=False)["doc_id"].agg(list).reindex(ids)
    runs = [_first(results, model.name, ids) for model in models]
    named = pd.Index(dict.fromkeys([*_flat(relevant), *(d for run in runs for d in _flat(run))]))
    titles = looked_up(pd.Series(named), titles_of(documents), data / "documents.parquet")
    pack = Pack(
        ids=ids.tolist(),
        texts=queries["text"].tolist(),
        docIds=named.tolist(),
        titles=titles.tolist(),
    )
    pack.add("test", queries["split"] == "test")
    pack.add("verbatim", queries["verbatim"])
    pack.add("sharedWords", queries["shared_words"])
    pack.add("relevant", _numbered(relevant, named))
    pack.add("first", np.stack([_numbered(run, named, SHOWN) for run in runs]))
    ranks = [_ranks(results, model.name, ids) for model in models]
    keys = ("rank", "docid", "relevantLogit", "otherLogit")
    for key, column in zip(keys, _RANKS, strict=True):
        scale = 1000 if column.endswith("logit") else 1
        pack.add(key, np.stack([table[column].to_numpy(float) for table in ranks]), scale)
    return pack


def _ranks(results: Path, model: str, ids: pd.Index) -> pd.DataFrame:
    """The ranks of both splits, in the order of `ids`."""
    parts = [read_ranks(places.ranks(results, model, split)) for split in EVALUATED]
    table = pd.concat(parts).set_index("query_id")
    if len(odd := table.index.symmetric_difference(ids)):
        raise AnalysisError(
            f"{places.ranks(results, model, EVALUATED[0]).parent} ranks other queries than the "
            f"model it stands beside, such as {odd[0]!r}; compare models of one dataset"
        )
    return table.loc[ids]


def _first(results: Path, model: str, ids: pd.Index) -> pd.Series:
    """The first documents of every query, best first."""
    runs = pd.concat([read_run(places.run(results, model, split)) for split in EVALUATED])
    best = runs.groupby("query_id", sort=False).head(SHOWN)
    return best.groupby("query_id", sort=False)["doc_id"].agg(list).reindex(ids)


def _flat(lists: pd.Series) -> list[str]:
    return [item for found in lists if isinstance(found, list) for item in found]


def _numbered(lists: pd.Series, named: pd.Index, width: int = 0) -> np.ndarray:
    """Places in `named` `[query, document]`, NaN behind the last one."""
    found = [named.get_indexer(item) if isinstance(item, list) else [] for item in lists]
    table = np.full((len(found), max([width, *map(len, found)])), np.nan)
    for row, item in zip(table, found, strict=True):
        row[: len(item)] = item
    return table
