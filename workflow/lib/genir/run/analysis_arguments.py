"""What analyses are told of a model."""

from collections.abc import Callable, Iterable
from typing import Any

from genir.base.names import ATTENTIONS, COMPONENTS, EVALUATED, PATCHED_STAGES, Variant
from genir.base.patched_files import RELEASED, circuit_split, patch_files, table_file
from genir.run import results
from genir.run.arguments import Arguments, Folder, Written
from genir.run.plan import Plan
from genir.run.results import RESULTS, clean_ranks, correct_queries, inside, of_model, stages

WRITTEN: tuple[Variant, ...] = ("study", "automatic")
"""Circuits that are written as models of their own, in these files."""
FILES = ("circuit.json", "circuit.safetensors", "config.json", "tokenizer.json", "docids.json")


def _on_validation(plan: Plan, model: str) -> dict[str, Any]:
    return {"model": plan.model_folder(model), "source": plan.source(model, "validation")}


def _simple(plan: Plan, model: str, name: str) -> Arguments:
    return _on_validation(plan, model) | {"output": Written(str(of_model(name, "{model}")))}


def simple(name: str) -> Callable[[Plan, str], Arguments]:
    """Arguments of an analysis of the validation queries that writes one file a model."""
    return lambda plan, model: _simple(plan, model, name)


def of_stage(name: str) -> Callable[[Plan, str], Arguments]:
    """The same of one that asks for the layers of a stage."""
    return lambda plan, model: {**_simple(plan, model, name), "stages": stages(model)}


def in_folder(name: str, *files: str) -> Written:
    """Tables of these names in the folder of a model."""
    paths = [str(inside(name, "{model}", table_file(file))) for file in files]
    return Written(str(RESULTS / name / "{model}"), tuple(paths))


def _patches(name: str, methods: list[str], places: Iterable[Any], components: Any) -> Written:
    folder = RESULTS / name / "{model}"
    files = patch_files(folder, methods, places, components).values()
    return Written(str(folder), tuple(map(str, files)))


def _on_splits(plan: Plan, trained: str) -> dict[str, Any]:
    sources = [plan.source(trained, split) for split in EVALUATED]
    return {"model": plan.model_folder(trained), "sources": sources}


def evaluate(plan: Plan, trained: str) -> Arguments:
    ranks = [Written(str(clean_ranks("{trained}", split))) for split in EVALUATED]
    return _on_splits(plan, trained) | {"ranks": ranks}


def retrieve(plan: Plan, trained: str) -> Arguments:
    runs = [Written(str(inside("retrieve", "{trained}", f"{s}.run"))) for s in EVALUATED]
    depth = plan.config["evaluation"]["run_depth"]
    return _on_splits(plan, trained) | {"runs": runs, "depth": depth, "tag": trained}


def head_lens(plan: Plan, model: str) -> Arguments:
    output = in_folder("head_lens", "docid_share", "top_tokens")
    return _on_validation(plan, model) | {"output": output}


def query_words(plan: Plan, model: str) -> Arguments:
    return {
        **_simple(plan, model, "query_words"),
        "correct": correct_queries(model),
        "queries": plan.data(model, "queries"),
        "stages": stages(model),
    }


def drift(plan: Plan, model: str) -> Arguments:
    random = {} if model in plan.pretrained else {"seed": plan.finetuning(model)["seed"]}
    return {**_simple(plan, model, "drift"), "start": plan.start_of(model), **random}


def encoder_swap(plan: Plan, model: str) -> Arguments:
    folders = {f"rd{i}": name for i, name in enumerate(plan.reduced_names(model), start=1)}
    encoders = {
        name: {"kind": kind}
        | ({"folder": plan.model_folder(folders[name])} if kind == "model" else {})
        for name, kind in plan.encoders(model).items()
    }
    return _on_validation(plan, model) | {
        "encoders": encoders,
        "seed": plan.seed,
        "start": plan.pretraining_of(model),
        "output": in_folder("encoder_swap", *encoders),
    }


def partial_swap(plan: Plan, model: str) -> Arguments:
    parts = plan.encoder_parts(model)
    return _on_validation(plan, model) | {
        "parts": parts,
        "start": plan.pretraining_of(model),
        "output": in_folder("partial_swap", *parts),
    }


def donors(plan: Plan, model: str) -> Arguments:
    methods = plan.donor_methods(model)
    return _on_validation(plan, model) | {
        "correct": correct_queries(model),
        "methods": methods,
        "training": plan.source(model, "train"),
        "seed": plan.seed,
        "pairs": plan.donor_pairs(model),
        "output": in_folder("donors", *methods),
    }


def _patching(plan: Plan, model: str, methods: list[str]) -> dict[str, Any]:
    return _on_validation(plan, model) | {
        "correct": correct_queries(model),
        "methods": methods,
        "start": plan.pretraining_of(model),
        "donors": results.donors(model, methods),
    }


def patch_component(plan: Plan, model: str, layers: range) -> Arguments:
    methods = plan.methods(model)
    output = _patches("patch_component", methods, layers, COMPONENTS)
    return _patching(plan, model, methods) | {"output": output}


def patch_head(plan: Plan, model: str, layers: range) -> Arguments:
    methods = plan.methods(model, "head_methods")
    output = _patches("patch_head", methods, layers, ATTENTIONS)
    return _patching(plan, model, methods) | {"output": output}


def patch_stage(plan: Plan, model: str) -> Arguments:
    methods = plan.methods(model)
    output = _patches("patch_stage", methods, PATCHED_STAGES, COMPONENTS)
    return _patching(plan, model, methods) | {"stages": stages(model), "output": output}


def circuit(plan: Plan, model: str) -> Arguments:
    methods, variants = plan.automatic_methods(model), plan.circuit_variants(model)
    ranks = [circuit_split(variant, split) for variant in variants for split in EVALUATED]
    output = in_folder("circuit", *ranks)
    record = str(inside("circuit", "{model}", "automatic.json"))
    folder = RESULTS / "patch_stage" / model
    patched = patch_files(folder, methods, PATCHED_STAGES).values()
    return _on_validation(plan, model) | {
        "test": plan.source(model, "test"),
        "correct": correct_queries(model),
        "stages": stages(model),
        "clean": clean_ranks(model),
        "patched": Folder(folder, tuple(patched)),
        "methods": methods,
        "broken_percent": plan.config["circuit"]["broken_percent"],
        "variants": variants,
        "seed": plan.seed,
        "start": plan.pretraining_of(model),
        "output": Written(output.path, (record, *output.files)),
    }


def as_released(plan: Plan, model: str) -> Arguments:
    tokens = {"query_tokens": plan.config["evaluation"]["padded_tokens"]}
    source, test = (plan.source(model, split) | tokens for split in EVALUATED)
    folders = enumerate(map(plan.model_folder, plan.reduced_names(model)), start=1)
    return {
        "model": plan.model_folder(model),
        "source": source,
        "test": test,
        "correct": correct_queries(model),
        "stages": stages(model),
        "methods": plan.automatic_methods(model),
        "padded_tokens": plan.config["evaluation"]["padded_tokens"],
        "reduced": {f"rd{i}": folder for i, folder in folders},
        "output": in_folder("as_released", *RELEASED),
    }


def circuit_model(plan: Plan, model: str) -> Arguments:
    ranks = [circuit_split(variant, split) for variant in WRITTEN for split in EVALUATED]
    folder = RESULTS / "circuit" / model
    read = [folder / "automatic.json", *(folder / table_file(name) for name in ranks)]
    output = RESULTS / "circuit_model" / "{model}"
    written = [str(output / variant / file) for variant in WRITTEN for file in FILES]
    return _on_validation(plan, model) | {
        "name": model,
        "test": plan.source(model, "test"),
        "correct": correct_queries(model),
        "stages": stages(model),
        "circuits": Folder(folder, tuple(read)),
        "variants": WRITTEN,
        "output": Written(str(output), tuple(written)),
    }


def circuit_curve(plan: Plan, model: str) -> Arguments:
    return _on_validation(plan, model) | {
        "test": plan.source(model, "test"),
        "correct": correct_queries(model),
        "clean_test": clean_ranks(model, "test"),
        "stages": stages(model),
        "seed": plan.seed,
        "output": in_folder("circuit_curve", "orders", "curves"),
    }


def with_seconds(name: str, *files: str) -> Written:
    """The same as `in_folder`, and how long it took."""
    output = in_folder(name, *files)
    return Written(output.path, (*output.files, str(inside(name, "{model}", "seconds.json"))))


def patch_edge(plan: Plan, model: str) -> Arguments:
    return _on_validation(plan, model) | {
        "correct": correct_queries(model),
        "stages": stages(model),
        "seed": plan.seed,
        "output": with_seconds("patch_edge", "edges", "stages", "queries"),
    }


def attribution(plan: Plan, model: str) -> Arguments:
    return _on_validation(plan, model) | {
        "correct": correct_queries(model),
        "seed": plan.seed,
        "output": with_seconds("attribution", "edges", "heads"),
    }
