"""Tables of the analyses beyond the first, with made-up numbers, for the tests of what compares
them."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import synthetic_tables

MODELS = synthetic_tables.MODELS
VIEWS = ("correct", "ranked_2_to_10", "ranked_below_10", "failed", "all")
STAGES = ("I", "II", "III")
ATTENTIONS = ("self_attention", "cross_attention")


def filled(columns: str, *places: Any, scale: float = 1.0, **fixed: Any) -> pd.DataFrame:
    """A row for every combination of `places`, the values of `columns`."""
    rows = [dict(zip(columns.split(), place, strict=True)) for place in product(*places)]
    value = np.random.default_rng(2).random(len(rows)) * scale
    bounds = {"low": value - scale / 20, "high": value + scale / 20}
    return pd.DataFrame(rows).assign(value=value, **bounds, n=30, **fixed)


def retrieval() -> pd.DataFrame:
    return synthetic_tables.retrieval()


def encoder_swap() -> pd.DataFrame:
    """The encoder swap with all measures that the study gives."""
    hits = synthetic_tables.encoder_swap()
    parts = [hits, hits.assign(measure="mrr"), hits.assign(measure="mean_rank", value=20.0)]
    return pd.concat(parts, ignore_index=True)


def patching_by_stage() -> pd.DataFrame:
    frame = synthetic_tables.patching_by_stage()
    effects = {"repaired": 5.0, "net_hits_at_1": -7.0}
    for name, prefix in (("repaired", "repaired"), ("net_hits_at_1", "net")):
        bounds = {f"{prefix}_low": effects[name] - 1, f"{prefix}_high": effects[name] + 1}
        frame = frame.assign(**{name: effects[name], f"{prefix}_n": 10}, **bounds)
    return frame


def circuit() -> pd.DataFrame:
    metrics, kinds = ("hits_at_1", "recall_at_5", "hits_at_10"), ("absolute", "relative")
    places = (MODELS, ("full", "study", "mean"), ("test", "validation"), metrics, kinds)
    columns = "model variant split metric kind rank_kind"
    fixed = {"active": 8, "components": 24, "stages": "imposed", "paper": np.nan}
    frame = filled(columns, *places, ("vocabulary", "docid"), **fixed)
    return frame[(frame["variant"] != "full") | (frame["kind"] == "absolute")]


def docid_share() -> pd.DataFrame:
    columns, fixed = "model queries unit stage top", {"base_rate": 14.0, "stages": "imposed"}
    places = (MODELS, VIEWS, ("head", "component"), STAGES, (10, 100, 1000))
    return filled(columns, *places, scale=100, **fixed, paper=np.nan)


def direct_contribution() -> pd.DataFrame:
    measures = ("percent_not_first", "percent_ranked_2_to_10", "percent_beyond_100", "median_rank")
    places = (MODELS, VIEWS, ("mlp", *ATTENTIONS[::-1]), measures, ("vocabulary", "docid"))
    return filled("model queries source measure rank_kind", *places, scale=100)


def top_heads() -> pd.DataFrame:
    places = (MODELS, VIEWS, ATTENTIONS, (*STAGES, "all"), ("percent_always", "percent_ever"))
    return filled("model queries component stage measure", *places, scale=100, stages="imposed")


def late_cosines() -> pd.DataFrame:
    places = (MODELS, VIEWS, (5, 6), ("mlp", *ATTENTIONS), ("0", "1", "sum"))
    return filled("model queries layer component with_layer", *places, stages="imposed")


def communication() -> pd.DataFrame:
    sources = [("embedding", "all")]
    names = ("self_attention", "cross_attention", "mlp")
    sources += list(product(names, (*STAGES, "all")))
    frame = filled(
        "model queries target target_stage pair",
        MODELS,
        VIEWS,
        ("mlp", "cross_attention"),
        STAGES,
        sources,
    )
    frame["source"], frame["source_stage"] = zip(*frame.pop("pair"), strict=True)
    return frame.assign(stages="imposed")


def contributions() -> pd.DataFrame:
    places = (MODELS, VIEWS, range(8), ("mlp", *ATTENTIONS), ("ratio", "cosine_output"))
    return filled("model queries layer component measure", *places)


def drift() -> pd.DataFrame:
    places = (MODELS, ("encoder", "decoder"), (0, 1, None), ("self_attention", "mlp"))
    return filled("model stack layer component", *places).drop(columns=["low", "high"])


def rank_development() -> pd.DataFrame:
    measures = ("vocabulary_rank_median", "docid_rank_median", "mean_docid_rank")
    places = (MODELS, VIEWS, range(8), ("residual", "mlp"), measures)
    return filled("model queries layer source measure", *places, scale=100)
