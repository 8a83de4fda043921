"""What tables are made from.

What a file holds is said by the name that it is given under, never by its place in a list.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from genir.base.names import BASELINES, COMPONENTS, DONORS, EVALUATED, PATCHED_STAGES
from genir.base.patched_files import RELEASED, circuit_split, patch_files, table_file
from genir.run import results
from genir.run.arguments import Arguments, Folder
from genir.run.plan import Plan
from genir.run.results import (
    RESULTS,
    clean_ranks,
    correct_queries,
    inside,
    of_model,
    removed_documents,
    stages,
)


def table_files(*names: str) -> dict[str, Path]:
    """{name: CSV of the table}"""
    return {name: RESULTS / f"table_{name}" / f"{name}.csv" for name in names}


def each(path: Callable[[str], Path], models: Iterable[str]) -> dict[str, Path]:
    return {model: path(model) for model in models}


def analysed(name: str, plan: Plan, *more: str) -> dict[str, Any]:
    """Files of an analysis, the unmodified ranks beside them, and `more` of these two."""
    files = each(lambda model: of_model(name, model), plan.models)
    offered = {"stages": each(stages, plan.models), "seed": plan.seed}
    own = {"files": files, "clean": each(clean_ranks, plan.models)}
    return own | {key: offered[key] for key in more} | _beside(plan, plan.models)


def _beside(plan: Plan, models: Iterable[str]) -> dict[str, Any]:
    return {"manifests": plan.manifests(models)}


def retrieval(plan: Plan) -> Arguments:
    files = [inside("retrieval_metrics", *place) for place in plan.systems()]
    return {
        "files": [path.with_name(f"{path.name}.csv") for path in files],
        "paper": plan.paper("table1_retrieval"),
    } | _beside(plan, plan.models)


def retrieval_differences(plan: Plan) -> Arguments:
    splits = [
        {"split": split, "qrels": plan.data(plan.headline, split), "runs": runs}
        for split, runs in plan.compared_runs().items()
    ]
    return {
        "model": plan.headline,
        "splits": splits,
        "queries": plan.data(plan.headline, "queries"),
        "seed": plan.seed,
    } | _beside(plan, [plan.headline])


def encoder_swap(plan: Plan) -> Arguments:
    return {
        "files": [
            {"model": m, "encoder": e, "path": inside("encoder_swap", m, table_file(e))}
            for m in plan.models
            for e in plan.encoders(m)
        ],
        "correct": each(correct_queries, plan.models),
        "removed": each(removed_documents, plan.with_reduced),
        "paper_swap": plan.paper("table2_encoder_swap"),
        "paper_in_text": plan.paper("in_text_numbers"),
        "seed": plan.seed,
    } | _beside(plan, plan.models)


def partial_swap(plan: Plan) -> Arguments:
    return {
        "files": [
            {"model": m, "part": part, "path": inside("partial_swap", m, table_file(part))}
            for m in plan.pretrained
            for part in plan.encoder_parts(m)
        ],
        "correct": each(correct_queries, plan.pretrained),
        "clean": each(clean_ranks, plan.pretrained),
        "seed": plan.seed,
    } | _beside(plan, plan.pretrained)


def _patches(
    rule: str, model: str, methods: list[Any], places: Iterable[Any], components: Any = COMPONENTS
) -> Folder:
    """What a patching rule wrote of a model."""
    folder = RESULTS / rule / model
    return Folder(folder, tuple(patch_files(folder, methods, places, components).values()))


def _by_stage(plan: Plan, model: str) -> dict[str, Any]:
    methods = plan.methods(model)
    return {
        "folder": _patches("patch_stage", model, methods, PATCHED_STAGES),
        "methods": methods,
        **_donors(model, methods),
    }


def _donors(model: str, methods: list[Any]) -> dict[str, Any]:
    """The donors of a model, where a method takes them."""
    folder = results.donors(model, methods)
    return {"donors": folder} if folder else {}


def donors(plan: Plan) -> Arguments:
    files = [
        {"model": m, "method": method, "path": inside("donors", m, table_file(method))}
        for m in plan.with_donors
        for method in plan.donor_methods(m)
    ]
    clean = each(clean_ranks, plan.with_donors)
    return {"files": files, "clean": clean} | _beside(plan, plan.with_donors)


def by_layer(plan: Plan, rule: str, key: str, components: Any = COMPONENTS) -> Arguments:
    """Patches of single layers by a rule, with the methods under a key of `patching`."""
    sweeps = []
    for model in plan.models:
        methods, layers = plan.methods(model, key), plan.decoder_layers(model)
        folder = _patches(rule, model, methods, layers, components)
        sweep = {"model": model, "folder": folder, "methods": methods, "layers": len(layers)}
        sweeps.append(sweep | _donors(model, methods))
    clean = each(clean_ranks, plan.models)
    return {"sweeps": sweeps, "clean": clean, "seed": plan.seed} | _beside(plan, plan.models)


def patching_by_stage(plan: Plan) -> Arguments:
    return {
        "sweeps": [{"model": model} | _by_stage(plan, model) for model in plan.models],
        "clean": each(clean_ranks, plan.models),
        "stages": each(stages, plan.models),
        "paper_patching": plan.paper("table3_stage_patching"),
        "seed": plan.seed,
    } | _beside(plan, plan.models)


def circuit(plan: Plan) -> Arguments:
    files = []
    for model in plan.models:
        variants, folder = plan.circuit_variants(model), RESULTS / "circuit" / model
        names = [circuit_split(variant, split) for variant in variants for split in EVALUATED]
        clean = [clean_ranks(model, split) for split in EVALUATED]
        written = [folder / "automatic.json", *(folder / table_file(name) for name in names)]
        of_this = {
            "model": model,
            "variants": variants,
            "folder": Folder(folder, tuple(written)),
            "evaluated": Folder(clean[0].parent, tuple(clean)),
            "stages": stages(model),
        }
        files.append(of_this)
    paper = plan.paper("table4_circuit")
    own = {"files": files, "paper_circuit": paper, "seed": plan.seed}
    return own | _beside(plan, plan.models)


def circuit_curves(plan: Plan) -> Arguments:
    files = each(lambda model: inside("circuit_curve", model, "curves.parquet"), plan.models)
    return {"files": files, "seed": plan.seed} | _beside(plan, plan.models)


def edges(plan: Plan, kind: str) -> Arguments:
    """Of what patch_edge wrote: single `edges`, or those between `stages`."""
    files = each(lambda model: inside("patch_edge", model, table_file(kind)), plan.models)
    own = {"files": files, "stages": each(stages, plan.models), "seed": plan.seed}
    return own | _beside(plan, plan.models)


def attribution(plan: Plan) -> Arguments:
    files = [
        {
            "model": model,
            "edges": inside("attribution", model, table_file("edges")),
            "heads": inside("attribution", model, table_file("heads")),
            "seconds": inside("attribution", model, "seconds.json"),
            "exact": inside("patch_edge", model, table_file("edges")),
            "exact_seconds": inside("patch_edge", model, "seconds.json"),
        }
        for model in plan.models
    ]
    return {"files": files, "seed": plan.seed} | _beside(plan, plan.models)


def docid_share(plan: Plan) -> Arguments:
    share = {m: inside("head_lens", m, "docid_share.parquet") for m in plan.models}
    more = {
        "files": share,
        "models": each(plan.model_folder, plan.models),
        "paper_share": plan.paper("table5_docid_share"),
    }
    return analysed("head_lens", plan, "stages", "seed") | more


def top_tokens(plan: Plan) -> Arguments:
    files = [
        {
            "model": model,
            "tokens": inside("head_lens", model, "top_tokens.parquet"),
            "clean": clean_ranks(model),
            "stages": stages(model),
            "folder": plan.model_folder(model),
            "documents": plan.data(model, "documents"),
            "queries": plan.data(model, "queries"),
        }
        for model in plan.models
    ]
    examples = plan.config["lens"]["examples"]
    own = {"files": files, "examples": examples, "seed": plan.seed}
    return own | _beside(plan, plan.models)


def drift(plan: Plan) -> Arguments:
    files = each(lambda model: of_model("drift", model), plan.started)
    return {"files": files} | _beside(plan, plan.started)


def query_words(plan: Plan) -> Arguments:
    documents = each(lambda model: plan.data(model, "documents"), plan.models)
    return analysed("query_words", plan, "seed") | {"documents": documents}


def training(plan: Plan) -> Arguments:
    curves = [
        {"model": name, "path": plan.made_by(name) / "curve.csv"}
        for name in [*plan.trained, *plan.reduced]
    ]
    return {"files": curves} | _beside(plan, plan.trained)


def _ranked(plan: Plan, model: str) -> dict[str, Any]:
    """Ranks of a model that the tables of claims and of failed queries read: of all queries, so
    not under donors, which some have none of."""
    methods = [method for method in plan.methods(model) if method not in DONORS]
    return {
        "model": model,
        "clean": clean_ranks(model),
        "patch_stage": _patches("patch_stage", model, methods, PATCHED_STAGES),
        "methods": methods,
        "direct_contribution": of_model("direct_contribution", model),
    }


def claims(plan: Plan) -> Arguments:
    files = []
    for model in plan.original:
        encoders = list(plan.encoders(model))
        swapped = tuple(inside("encoder_swap", model, table_file(e)) for e in encoders)
        more = {
            "encoder_swap": Folder(RESULTS / "encoder_swap" / model, swapped),
            "encoders": encoders,
            "correct": correct_queries(model),
            "stages": stages(model),
            "communication": of_model("communication", model),
        }
        if model in plan.with_reduced:
            more["removed"] = removed_documents(model)
        files.append(_ranked(plan, model) | more)
    judged = {"files": files, **table_files("docid_share", "circuit"), "seed": plan.seed}
    return judged | _beside(plan, plan.original)


def failed_queries(plan: Plan) -> Arguments:
    files = []
    for model in plan.original:
        swapped = {"pretrained_encoder": inside("encoder_swap", model, table_file("pretrained"))}
        files.append(_ranked(plan, model) | (swapped if model in plan.pretrained else {}))
    views = table_files("contributions", "rank_development", "docid_share", "communication")
    own = {"tables": views, "files": files, "seed": plan.seed}
    return own | _beside(plan, plan.original)


def slices(plan: Plan) -> Arguments:
    datasets = []
    for dataset in dict.fromkeys(map(plan.dataset_of, plan.original)):
        qrels = results.dataset_file(dataset, "test")
        baselines = [
            {"name": name, "run": plan.run(dataset, name, "test"), "qrels": qrels}
            for name in BASELINES
        ]
        models = [_sliced(plan, m) for m in plan.original if plan.dataset_of(m) == dataset]
        own = {"slices": of_model("query_slices", dataset), "baselines": baselines}
        datasets.append(own | {"models": models})
    return {"datasets": datasets, "seed": plan.seed} | _beside(plan, plan.original)


def _sliced(plan: Plan, model: str) -> dict[str, Any]:
    files = "rank_development direct_contribution signed_contributions query_words".split()
    methods = [method for method in plan.methods(model) if method not in DONORS]
    variants, folder = plan.circuit_variants(model), RESULTS / "circuit" / model
    circuits = tuple(folder / table_file(circuit_split(v, "test")) for v in variants)
    others = [name for name, kind in plan.encoders(model).items() if kind not in ("own", "model")]
    return {
        "model": model,
        "clean": {split: clean_ranks(model, split) for split in EVALUATED},
        "patch_stage": _patches("patch_stage", model, methods, PATCHED_STAGES),
        "methods": methods,
        "circuit": Folder(folder, circuits),
        "variants": variants,
        "encoders": {e: inside("encoder_swap", model, table_file(e)) for e in others},
        **{name: of_model(name, model) for name in files},
    }


def paper_comparison(plan: Plan) -> Arguments:
    compared = (
        "encoder_swap patching_by_stage circuit docid_share direct_contribution top_heads"
        " late_cosines"
    ).split()
    models = [
        {
            "dataset": dataset,
            "model": model,
            "manifest": plan.data(model, "manifest"),
            "stages": stages(model),
        }
        for dataset, model in plan.study.items()
    ]
    own = {"published": plan.published(), "tables": table_files(*compared), "models": models}
    return own | _beside(plan, plan.study.values())


def as_released(plan: Plan) -> Arguments:
    datasets = {model: dataset for dataset, model in plan.study.items()}
    files = []
    for model in plan.models:
        methods, layers = plan.automatic_methods(model), plan.decoder_layers(model)
        clean = [clean_ranks(model, split) for split in EVALUATED]
        study = inside("circuit", model, table_file(circuit_split("study", "test")))
        released = [inside("as_released", model, table_file(name)) for name in RELEASED]
        of_this = {
            "model": model,
            "released": Folder(released[0].parent, tuple(released)),
            "evaluated": Folder(clean[0].parent, tuple(clean)),
            "patch_stage": _patches("patch_stage", model, methods, PATCHED_STAGES),
            "patch_component": _patches("patch_component", model, methods, layers),
            "circuit": Folder(study.parent, (study,)),
            "methods": methods,
            "layers": len(layers),
        }
        if model in datasets:
            of_this["dataset"] = datasets[model]
        if model in plan.with_reduced:
            names = [f"rd{i + 1}" for i in range(len(plan.reduced_names(model)))]
            swapped = tuple(inside("encoder_swap", model, table_file(name)) for name in names)
            of_this["encoder_swap"] = Folder(swapped[0].parent, swapped)
            of_this["removed"] = removed_documents(model)
        files.append(of_this)
    return {
        "models": files,
        **table_files("communication"),
        "published": plan.published(),
        "padded_tokens": plan.config["evaluation"]["padded_tokens"],
        "seed": plan.seed,
    } | _beside(plan, plan.models)


def seeds(plan: Plan) -> Arguments:
    compared = (
        "retrieval patching_by_stage contributions direct_contribution communication"
        " docid_share circuit drift"
    ).split()
    own = {"tables": table_files(*compared), "seeds": plan.seeds}
    return own | _beside(plan, plan.seeds)


def series(plan: Plan, name: str) -> Arguments:
    entry = plan.series[name]
    models = list(entry["models"])
    if name in plan.ordered_series:
        models.sort(key=entry["models"].get)
    members = [
        {
            "model": model,
            "training": training,
            "quantity": str(entry["models"][model]),
            "seed": plan.finetuning(training)["seed"] if training in plan.trained else None,
        }
        for model in models
        for training in plan.trainings(model)
    ]
    trainings = [member["training"] for member in members]
    read = "retrieval encoder_swap patching_by_stage direct_contribution docid_share contributions"
    return {
        "series": name,
        "members": members,
        "tables": table_files(*read.split()),
        "stages": each(stages, trainings),
        "development": each(lambda model: of_model("rank_development", model), trainings),
        "clean": each(clean_ranks, trainings),
        "seed": plan.seed,
    } | _beside(plan, models)


def series_trend(plan: Plan, name: str) -> Arguments:
    rows = RESULTS / "table_series" / f"{name}.csv"
    own = {"rows": rows, "quantity": plan.series[name]["quantity"], "seed": plan.seed}
    return own | _beside(plan, plan.series[name]["models"])
