"""The stages of a model: what is detected in its contributions, and which layers analyses use."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from genir.analyses.stage_rule import detect_stages, is_three_stages
from genir.base.default_stages import default_stages
from genir.base.errors import AnalysisError
from genir.base.joins import check_known
from genir.base.names import COMPONENTS, STAGES
from genir.estimates.intervals import columns, mean_interval


def mean_ratios(contributions: pd.DataFrame, query_ids: pd.Series) -> np.ndarray:
    """Mean contribution ratio `[layer, component]` over `query_ids`, components in
    COMPONENTS.

    Raises AnalysisError if one of these queries has no contribution, or one that is no number.
    """
    chosen = contributions[contributions["query_id"].isin(query_ids)]
    if chosen.empty:
        raise AnalysisError(
            "no correct query has a contribution, so there are no stages to look for; "
            "train the model longer, or analyse one that answers some validation query"
        )
    check_known(query_ids, contributions["query_id"], "the file of contributions")
    if chosen["ratio"].isna().any():
        query = chosen.loc[chosen["ratio"].isna(), "query_id"].iloc[0]
        raise AnalysisError(f"a contribution of query {query!r} is not a number; leave it out")
    means = chosen.pivot_table(index="layer", columns="component", values="ratio", aggfunc="mean")
    return means[list(COMPONENTS)].to_numpy()


def leads(
    contributions: pd.DataFrame,
    query_ids: pd.Series,
    segments: Sequence[Sequence[int]],
    seed: int,
) -> list[dict[str, Any]]:
    """By how much the component with the largest mean ratio in each of `segments` is ahead of the
    next one: component, over, and the difference of the mean ratios over the segment's layers with
    its interval between queries; JSON-ready."""
    chosen = contributions[contributions["query_id"].isin(query_ids)]
    found = []
    for first, last in segments:
        part = chosen[chosen["layer"].between(first, last)]
        means = part.pivot_table(
            index=["query_id", "doc_id"], columns="component", values="ratio", aggfunc="mean"
        )[list(COMPONENTS)]
        component, over = means.mean().nlargest(2).index
        documents = means.index.get_level_values("doc_id")
        ahead = columns(mean_interval(means[component] - means[over], documents, seed))
        numbers = {name: None if pd.isna(number) else number for name, number in ahead.items()}
        found.append({"component": component, "over": over} | numbers)
    return found


def stages_record(
    contributions: pd.DataFrame,
    query_ids: pd.Series,
    configured: Mapping[str, list[int]] | None,
    seed: int,
) -> dict[str, Any]:
    """What is detected in the contributions to `query_ids`, and which stages analyses use: the
    configured ones, or else T5-large's, scaled by depth; JSON-ready.

    detected: what `detect_stages` gives; leads: see `leads`; supported: three stages, each of which
    its component leads with an interval above 0. status: supported if the used ones are these, else
    imposed. `seed` is that of all draws.
    """
    ratios = mean_ratios(contributions, query_ids)
    detected = detect_stages(ratios, seed)
    ahead = leads(contributions, query_ids, detected["segments"], seed)
    certain = all(lead["low"] is not None and lead["low"] > 0 for lead in ahead)
    supported = is_three_stages(detected) and certain
    used = configured or default_stages(len(ratios))
    found = supported and detected["segments"] == [used[name] for name in STAGES]
    return {
        "detected": detected | {"leads": ahead, "supported": supported},
        "used": used,
        "status": "supported" if found else "imposed",
        "n": len(query_ids),
        "mean_ratio": dict(zip(COMPONENTS, ratios.T.tolist(), strict=True)),
    }


def patched_stages(stages: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, int]]:
    """First and last layer of every stage and, as `all`, of the decoder."""
    whole = {"all": (stages[STAGES[0]][0], stages[STAGES[-1]][1])}
    return {stage: (stages[stage][0], stages[stage][1]) for stage in STAGES} | whole
