"""Which documents the reduced models are trained without."""

from pathlib import Path

import pandas as pd

from genir.base.errors import AnalysisError
from genir.base.seeding import generator


def of_one_document(correct: pd.DataFrame, qrels: pd.DataFrame) -> pd.DataFrame:
    """The queries of `correct` with one relevant document in `qrels` (query_id, doc_id): with
    another one that stays, a model answers them without the removed document too."""
    relevant = qrels["query_id"].value_counts()
    return correct[correct["query_id"].map(relevant).eq(1)]


def draw_removed_documents(
    correct: pd.DataFrame, models: int, documents: int, seed: int
) -> pd.DataFrame:
    """Disjoint sets 1..`models` of `documents` documents each, out of those the full model ranks
    first, with their correct queries: set, doc_id, query_id.

    Raises AnalysisError if the full model ranks too few documents first.
    """
    candidates = sorted(correct["doc_id"].unique())
    needed = models * documents
    if len(candidates) < needed:
        raise AnalysisError(
            f"{models} reduced models need {needed} documents that the full model ranks first, "
            f"each the only relevant one of a query, there are {len(candidates)}; lower "
            "`reduced.models` or `reduced.documents`, hold out more validation queries or train "
            "longer"
        )
    order = generator(seed, "removed-documents").permutation(len(candidates))[:needed]
    drawn = [candidates[place] for place in order]
    sets = pd.DataFrame({"doc_id": drawn, "set": [1 + i // documents for i in range(needed)]})
    merged = sets.merge(correct, on="doc_id", how="left")
    return merged.sort_values(["set", "doc_id", "query_id"])[["set", "doc_id", "query_id"]]


def removed_set(table: pd.DataFrame, number: int, path: Path) -> list[str]:
    """The documents of one set of those in `table`, as `draw_removed_documents` gives them.

    Raises AnalysisError, naming `path`, if there is no such set, if the sets are not of one size or
    if they share a document.
    """
    sets = table.drop_duplicates(["set", "doc_id"]).groupby("set", sort=True)["doc_id"].agg(list)
    sizes = sets.map(len).to_dict()
    shared = sum(sizes.values()) != table["doc_id"].nunique()
    if number not in sizes or len(set(sizes.values())) > 1 or shared:
        raise AnalysisError(
            f"{path} has sets of {sizes} documents, {table['doc_id'].nunique()} in all, and set "
            f"{number} is asked for; sets are of one size and share nothing: delete the file and "
            "run snakemake again"
        )
    return sets[number]
