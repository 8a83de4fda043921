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
    return _with_difference(frame.assign(mean_rank=3.0))


def _with_difference(frame: pd.DataFrame) -> pd.DataFrame:
    """With the logit difference lost, between -0.1 and 1.4."""
    lost = np.linspace(-0.1, 1.4, len(frame))
    bounds = {"low": lost - 0.05, "high": lost + 0.05}
    lost = {f"logit_difference_lost_{name}": values for name, values in bounds.items()} | {
        "logit_difference_lost": lost,
        "logit_difference_lost_n": frame["n"],
    }
    return frame.assign(**lost)


def patching(layers: int = 8) -> pd.DataFrame:
    columns = ("model", "method", "layer", "component")
    names = [
        dict(zip(columns, name, strict=True)) | {"rank_kind": "vocabulary"}
        for name in product(MODELS, ("zero", "mean", "pretrained"), range(layers), COMPONENTS)
        if name[:2] != ("random_start", "pretrained")
    ]
    return _with_difference(_filled(names, 100).rename(columns={"value": "broken_percent"}))


def patching_by_stage() -> pd.DataFrame:
    columns = ("model", "method", "stage", "component")
    fixed = {"rank_kind": "vocabulary", "stage_layers": "2-5", "stages": "imposed", "paper": 40.0}
    methods, stages = ("zero", "mean", "pretrained"), ("I", "II", "III", "all")
    names = [
        dict(zip(columns, name, strict=True)) | fixed
        for name in product(MODELS, methods, stages, COMPONENTS)
        if name[:2] != ("random_start", "pretrained")
    ]
    frame = _with_difference(_filled(names, 100).rename(columns={"value": "broken_percent"}))
    return frame.assign(paper=frame["paper"].where(frame["stage"] != "all"))


def patching_heads(layers: int = 8, heads: int = 4) -> pd.DataFrame:
    columns = ("model", "method", "layer", "component", "head")
    places = (range(layers), COMPONENTS[:2], range(heads))
    names = [
        dict(zip(columns, name, strict=True)) | {"rank_kind": "vocabulary"}
        for name in product(MODELS, ("zero", "mean", "pretrained"), *places)
        if name[:2] != ("random_start", "pretrained")
    ]
    return _with_difference(_filled(names, 10).rename(columns={"value": "broken_percent"}))


def circuit() -> pd.DataFrame:
    columns = ("model", "variant", "split", "metric", "kind")
    variants = ("full", "study", "zero", "mean", "pretrained", "automatic")
    metrics, kinds = ("hits_at_1", "recall_at_5", "hits_at_10"), ("absolute", "relative")
    fixed = {"rank_kind": "vocabulary", "active": 8, "components": 24, "stages": "imposed"}
    names = [
        dict(zip(columns, name, strict=True)) | fixed
        for name in product(MODELS, variants, ("test", "validation"), metrics, kinds)
        if name[:2] != ("random_start", "pretrained") and (name[1], name[4]) != ("full", "relative")
    ]
    frame = _filled(names)
    of_study = frame["variant"].eq("study") & frame["split"].eq("test")
    return frame.assign(paper=pd.Series(0.9, frame.index).where(of_study))


def circuit_curve() -> pd.DataFrame:
    columns = ("model", "order", "ablation", "metric", "measure")
    orders, ablations = ("zero", "mean", "study", "random"), ("mean", "donor_random")
    metrics, measures = ("logit_difference", "hits_at_1"), ("cpr", "cmd")
    places = product(MODELS, orders, ablations, metrics, measures)
    return _filled([dict(zip(columns, place, strict=True)) for place in places])


def faithfulness() -> pd.DataFrame:
    columns = ("model", "order", "ablation", "metric", "active")
    orders, ablations = ("zero", "mean", "study", "random"), ("mean", "donor_random")
    metrics = ("logit_difference", "hits_at_1")
    places = product(MODELS, orders, ablations, metrics, range(0, 25, 2))
    names = [dict(zip(columns, place, strict=True)) | {"components": 24} for place in places]
    return _filled(names)


def edges(layers: int = 4) -> pd.DataFrame:
    """Every edge of a decoder whose first layer is Stage I, the last one Stage III."""
    places = [(layer, component) for layer in range(layers) for component in COMPONENTS]
    stage = {-1: "all", 0: "I", layers - 1: "III"}
    names = [
        {"model": model, "method": method, "source": source, "source_layer": before}
        | {"source_stage": stage.get(before, "II"), "reader": reader, "reader_layer": after}
        | {"reader_stage": stage.get(after, "II")}
        for model, method in product(MODELS, ("mean", "donor_random"))
        for number, (after, reader) in enumerate([*places, (-1, "unembedding")])
        for before, source in [(-1, "embedding"), *places[:number]]
    ]
    frame = _filled(names)
    return frame.assign(value=frame["value"] - 0.2, percent_not_first=3.0)


def edges_by_stage() -> pd.DataFrame:
    single = edges()
    ends = ["model", "method", "source", "source_stage", "reader", "reader_stage"]
    return single.drop_duplicates(ends).assign(stages="imposed")


def attribution() -> pd.DataFrame:
    columns = ("model", "unit", "ablation", "steps", "measure")
    places = (("edges", "heads"), ("mean", "donor_random"), (0, 1, 5, 20))
    names = [
        dict(zip(columns, name, strict=True))
        for name in product(MODELS, *places, ("spearman", "top_overlap"))
    ]
    return _filled(names).assign(method="integrated_gradients", seconds=1.0, exact_seconds=9.0)


def contributions() -> pd.DataFrame:
    columns = ("model", "layer", "component", "measure")
    names = [
        dict(zip(columns, name, strict=True)) | {"queries": "correct"}
        for name in product(MODELS, range(8), COMPONENTS, ("ratio", "cosine_output"))
    ]
    return _filled(names)


def signed_contributions() -> pd.DataFrame:
    columns = ("model", "queries", "layer", "component", "head")
    places = [(layer, name, -1) for layer in range(8) for name in COMPONENTS]
    places += [(layer, name, h) for layer in range(8) for name in COMPONENTS[:2] for h in range(4)]
    names = [
        dict(zip(columns, (model, view, *place), strict=True))
        for model in MODELS
        for view in ("correct", "failed")
        for place in [(-1, "embedding", -1), *places]
    ]
    frame = _filled(names, 2)
    return frame.assign(value=frame["value"] - 0.5)


def query_words() -> pd.DataFrame:
    columns = ("model", "where", "kind", "group", "measure")
    groups = [("all", "all"), ("in_document", "function_word"), ("idf", "low"), ("idf", "high")]
    where = (*(f"layer{layer}" for layer in range(8)), "I", "II", "III", "all", "mean_state")
    names = [
        dict(zip(columns, (model, place, *group, measure), strict=True))
        for model in MODELS
        for place in where
        for group in groups
        for measure in ("broken_percent", "logit_difference_lost")
    ]
    return _filled(names).assign(p=np.nan, p_holm=np.nan)


def slices() -> pd.DataFrame:
    columns = ("model", "kind", "slice", "table", "item", "measure")
    cells = [("retrieval", "", "hits_at_1"), ("circuit", "study", "logit_difference_lost")]
    cells += [
        ("patching_by_stage", f"{method} {cell}", "logit_difference_lost")
        for method, cell in (("mean", "I mlp"), ("pretrained", "III mlp"))
    ]
    kinds = {"shared_word": ("yes", "no", "yes - no"), "nearest_query": ("high", "low")}
    names = [
        dict(zip(columns, (model, kind, name, *cell), strict=True))
        for model in (*MODELS, "bm25_text")
        for kind, slices in kinds.items()
        for name in slices
        for cell in cells[: 1 if model == "bm25_text" else None]
    ]
    return _filled(names).assign(queries="correct", p=np.nan, p_holm=np.nan)


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


def direct_contribution() -> pd.DataFrame:
    columns = ("model", "queries", "source", "measure")
    measures = ("percent_not_first", "percent_ranked_2_to_10", "percent_beyond_100", "median_rank")
    names = [
        dict(zip(columns, name, strict=True)) | {"rank_kind": "vocabulary"}
        for name in product(MODELS, ("correct", "failed", "all"), COMPONENTS, measures)
    ]
    return _filled(names, 100)


def docid_share() -> pd.DataFrame:
    columns = ("model", "unit", "stage", "top")
    fixed = {"queries": "correct", "base_rate": 14.0, "stages": "imposed"}
    names = [
        dict(zip(columns, name, strict=True)) | fixed
        for name in product(MODELS, ("head", "component"), ("I", "II", "III"), (10, 100, 1000))
    ]
    frame = _filled(names, 100)
    paper = frame["top"].map({10: 0.0, 100: 0.1, 1000: 2.3})
    return frame.assign(paper=paper.where((frame["stage"] == "II") & (frame["unit"] == "head")))


def communication() -> pd.DataFrame:
    """Every source of a target and stage has the same share."""
    columns = ("model", "target", "target_stage", "source", "source_stage")
    stages = ("I", "II", "III")
    records = []
    for model, target, place in product(MODELS, COMPONENTS[1:], range(3)):
        earlier = stages[: place + 1]
        value = 1 / (1 + len(COMPONENTS) * len(earlier))
        cells = {("embedding", "all"): value}
        cells |= {(source, stage): value for source in COMPONENTS for stage in earlier}
        cells |= {(source, "all"): value * len(earlier) for source in COMPONENTS}
        for cell, share in cells.items():
            names = dict(zip(columns, (model, target, stages[place], *cell), strict=True))
            records.append(names | {"value": share, "low": share - 0.01, "high": share + 0.01})
    return pd.DataFrame(records).assign(queries="correct", n=30, stages="imposed")


def top_heads() -> pd.DataFrame:
    columns = ("model", "component", "stage", "measure")
    stages, measures = ("I", "II", "III", "all"), ("percent_always", "percent_ever")
    names = [
        dict(zip(columns, name, strict=True)) | {"queries": "correct", "stages": "imposed"}
        for name in product(MODELS, COMPONENTS[:2], stages, measures)
    ]
    return _filled(names, 100, n=8)


def late_cosines() -> pd.DataFrame:
    columns = ("model", "layer", "component", "with_layer")
    names = [
        dict(zip(columns, name, strict=True)) | {"queries": "correct", "stages": "imposed"}
        for name in product(MODELS, range(2, 7), COMPONENTS, ("0", "1", "sum"))
    ]
    return _filled(names)


def drift() -> pd.DataFrame:
    places = [("words", None, "embedding"), ("decoder", None, "final_norm")]
    places += [("encoder", i, c) for i in range(3) for c in ("self_attention", "norms", "mlp")]
    places += [("decoder", i, c) for i in range(8) for c in (*COMPONENTS, "norms")]
    columns = ("stack", "layer", "component")
    names = [
        {"model": model, "start": "random" if model == "random_start" else "pretrained"}
        | dict(zip(columns, place, strict=True))
        for model in MODELS
        for place in places
    ]
    return _filled(names).drop(columns=["low", "high"])


def training() -> pd.DataFrame:
    names = [*MODELS, *(f"full/rd{number}" for number in range(1, 5))]
    curves = [synthetic.curve(i).assign(model=name) for i, name in enumerate(names)]
    return pd.concat(curves, ignore_index=True)
