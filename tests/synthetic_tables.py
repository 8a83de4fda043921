"""Tables as the table rules write them, with made-up numbers, for the tests of the figures."""

from itertools import product

import numpy as np
import pandas as pd
import synthetic_results as synthetic

MODELS = ("full", "random_start")
COMPONENTS = ("self_attention", "cross_attention", "mlp")


def _filled(names: list[dict], scale: float = 1.0, n: int = 200) -> pd.DataFrame:
    frame = pd.DataFrame(names)
    value = np.random.default_rng(1).random(len(frame)) * scale
    bounds = {
        "low": np.maximum(value - scale / 20, 0),
        "high": np.minimum(value + scale / 20, scale),
    }
    return frame.assign(value=value, **bounds, n=n)


def retrieval() -> pd.DataFrame:
    systems = [*MODELS, "bm25_text", "bm25_text_queries"]
    parts = [synthetic.retrieval_rows(system) for system in systems]
    paper = {"system": "T5-large (paper) NQ10k", "split": "test", "slice": "all"}
    paper |= {"metric": "hits_at_1", "value": 0.404, "dataset": "NQ10k"}
    return pd.concat([*parts, pd.DataFrame([paper])], ignore_index=True)


def encoder_swap() -> pd.DataFrame:
    reduced = [f"rd{number}" for number in range(1, 5)]
    sets = [f"removed{number}" for number in range(1, 5)]
    names = []
    for model in MODELS:
        others = ["full", "random"] + (["pretrained", "pretrained_own_norm"] * (model == "full"))
        names += [(model, encoder, "correct") for encoder in others]
        if model == "full":
            names += [(model, encoder, "removed") for encoder in [*others, *reduced, "rd"]]
            names += [(model, encoder, "control") for encoder in [*reduced, "rd"]]
            names += [(model, *pair) for pair in product(reduced, sets)]
            names += [(model, encoder, "correct") for encoder in reduced]
            names += [(model, "rd", "control_minus_removed")]
    fixed = {"measure": "hits_at_1", "rank_kind": "vocabulary", "paper": None}
    columns = ("model", "encoder", "queries")
    return _filled([dict(zip(columns, name, strict=True)) | fixed for name in names])


def partial_swap() -> pd.DataFrame:
    parts = [("embedding", "embedding", None)]
    parts += [(f"layer{i}.{k}", k, i) for i in range(3) for k in ("self_attention", "mlp")]
    parts += [(f"up_to.layer{i}", "up_to", i) for i in range(3)]
    columns = ("part", "kind", "layer")
    names = [
        {"model": model, "rank_kind": "vocabulary"} | dict(zip(columns, part, strict=True))
        for model in MODELS
        for part in parts
    ]
    frame = _filled(names, 100).rename(columns={"value": "percent_not_first"})
    return frame.assign(mean_rank=3.0)


def patching(layers: int = 8) -> pd.DataFrame:
    columns = ("model", "method", "layer", "component")
    names = [
        dict(zip(columns, name, strict=True)) | {"rank_kind": "vocabulary"}
        for name in product(MODELS, ("zero", "mean", "pretrained"), range(layers), COMPONENTS)
        if name[:2] != ("random_start", "pretrained")
    ]
    return _filled(names, 100).rename(columns={"value": "broken_percent"})


def patching_by_stage() -> pd.DataFrame:
    columns = ("model", "method", "stage", "component")
    fixed = {"rank_kind": "vocabulary", "stage_layers": "2-5", "stages": "imposed", "paper": 40.0}
    names = [
        dict(zip(columns, name, strict=True)) | fixed
        for name in product(MODELS, ("zero", "mean", "pretrained"), ("I", "II", "III"), COMPONENTS)
        if name[:2] != ("random_start", "pretrained")
    ]
    return _filled(names, 100).rename(columns={"value": "broken_percent"})


def contributions() -> pd.DataFrame:
    columns = ("model", "layer", "component", "measure")
    names = [
        dict(zip(columns, name, strict=True)) | {"queries": "correct"}
        for name in product(MODELS, range(8), COMPONENTS, ("ratio", "cosine_output"))
    ]
    return _filled(names)


def rank_development() -> pd.DataFrame:
    columns = ("model", "layer", "source", "measure")
    measures = ("vocabulary_rank_median", "mean_docid_rank", "mean_other_rank")
    names = [
        dict(zip(columns, name, strict=True)) | {"queries": "correct"}
        for name in product(MODELS, range(8), ("residual", "cross_attention", "mlp"), measures)
    ]
    frame = _filled(names)
    rank = np.where(frame["measure"] == measures[0], 10.0 ** (3 - 3 * frame["layer"] / 7), 900.0)
    rank = np.where(frame["measure"] == measures[2], 2500 + 10 * frame["layer"], rank)
    return frame.assign(value=rank, low=rank / 1.2, high=rank * 1.2)


def training() -> pd.DataFrame:
    names = [*MODELS, *(f"full/rd{number}" for number in range(1, 5))]
    curves = [synthetic.curve(i).assign(model=name) for i, name in enumerate(names)]
    return pd.concat(curves, ignore_index=True)
