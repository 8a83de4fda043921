"""What rules that differ from all others tell their scripts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from genir.base.names import EVALUATED
from genir.corpora.split_files import data_files_in
from genir.corpora.user_folders import data_in
from genir.pages.places import Explored, read_by
from genir.run import hub
from genir.run.arguments import Arguments, Folder, read_files
from genir.run.config import values
from genir.run.plan import Plan
from genir.run.results import (
    RESULTS,
    correct_queries,
    dataset_file,
    generated_queries,
    inside,
    of_model,
    removed_documents,
)

_SAMPLING = ("queries_per_document top_k temperature document_tokens query_tokens seed").split()
BESIDE = 3
"""Other models that the page of one holds, at most."""


def corpus(plan: Plan, corpus: str) -> Arguments:
    """What export_corpus is told: the files by the names of their source, and what else it
    takes. Of a folder of the user's own its files count, so that a new one does."""
    entry = plan.config["corpora"][corpus]
    keys = [key for key in values.CORPUS_FILES if key in entry]
    files: dict[str, Any] = {key: plan.resolve(entry[key]) for key in keys}
    if entry["source"] == "files":
        files = {key: _all_of(plan, path, data_in) for key, path in files.items()}
    if "path" in entry:
        find = data_in if entry["source"] == "files" else data_files_in
        files["folder"] = _all_of(plan, plan.resolve(entry["path"]), find)
    elif entry["source"] in hub.CORPUS_SOURCES:
        files["folder"] = plan.hub_folder("dataset", entry)
    return {"source": entry["source"], "files": files, "options": plan.corpus_options(corpus)}


def _all_of(plan: Plan, place: Path, find: Callable[[Path], Iterable[Path]]) -> Folder:
    """A file or folder of the user's own with what is read of it."""
    there = plan.workdir / place
    return Folder(place, tuple(place / path.relative_to(there) for path in find(there)))


def fetched(plan: Plan, wildcards: Mapping[str, str]) -> dict[str, list[str]]:
    """The word that what ir-datasets keeps in its own folder is there."""
    ours = wildcards["corpus"] not in plan.collections()
    return {} if ours else {"there": [f"results/fetch_collection/{wildcards['corpus']}.json"]}


def drawn(plan: Plan, dataset: str) -> Arguments:
    """What subset_corpus is told."""
    folder = RESULTS / "export_corpus" / plan.config["datasets"][dataset]["corpus"]
    files = ("documents.parquet", "queries.parquet", "qrels.txt", "manifest.json")
    corpus = {file.partition(".")[0]: folder / file for file in files}
    return {"dataset": plan.dataset_settings(dataset), "corpus": corpus}


def removed(plan: Plan, model: str) -> Arguments:
    """What removed_documents is told."""
    settings = plan.reduced_settings(model)
    drawn = {key: settings[key] for key in ("models", "documents")}
    read = {"correct": correct_queries(model), "qrels": plan.data(model, "validation")}
    return {**read, **drawn, "seed": plan.seed}


def pretraining_text(plan: Plan) -> Arguments:
    """What pretraining_text is told."""
    sources = plan.config["pretraining"]["sources"]
    places = ({"path": plan.resolve(s["path"])} if "path" in s else {} for s in sources)
    return {"sources": [s | place for s, place in zip(sources, places, strict=True)]}


def pretrain(plan: Plan) -> Arguments:
    """What pretrain is told."""
    settings = plan.config["pretraining"]
    read = {"text": RESULTS / "pretraining_text/text.jsonl", "settings": settings["training"]}
    if (start := values.pretraining_start(plan.config)) is not None:
        return read | {"start": plan.start(start)}
    return read | {"tokenizer": RESULTS / "tokenizer/tokenizer", "shape": settings["shape"]}


def pretrain_snapshot(plan: Plan, step: str) -> Arguments:
    """What pretrain_snapshot is told."""
    return {**pretrain(plan), "step": step}


def finetune(plan: Plan, model: str) -> dict[str, Any]:
    """What finetune is told of a full model; a reduced one's recipe is the same."""
    generator = values.query_generator(plan.config, model)
    generated = generator and generated_queries(generator, plan.dataset_of(model))
    data = {"generated": generated} if generated else {}
    data |= {key: plan.data(model, key) for key in ("documents", "queries")}
    data["qrels"] = plan.data(model, "train")
    settings = plan.finetuning(model)
    return {"data": data, "start": plan.start_of(model), "settings": settings}


def finetune_reduced(plan: Plan, model: str, set: str) -> Arguments:
    """What finetune is told of a reduced model."""
    removed = {"removed": removed_documents(model), "removed_set": set}
    return {**finetune(plan, model), **removed}


def existing(plan: Plan, model: str) -> Arguments:
    """What import_model is told of an existing model."""
    entry = plan.config["models"][model]
    mapping = {"docids": plan.resolve(entry["docids"])} if "docids" in entry else {}
    return {
        "folder": plan.model_files(plan.imported_folder(model)),
        "documents": plan.data(model, "documents"),
        "qrels": [plan.data(model, split) for split in EVALUATED],
    } | mapping


def read_of_start(plan: Plan, wildcards: Mapping[str, str]) -> dict[str, list[str]]:
    """Files of what an existing model started from."""
    return read_files({"pretrained": plan.start_of(wildcards["model"])})


def train_generator(plan: Plan, generator: str, dataset: str) -> Arguments:
    """What train_query_generator is told."""
    entry = plan.generators[generator]
    lengths = {key: entry[key] for key in ("document_tokens", "query_tokens")}
    data = {key: dataset_file(dataset, key) for key in ("documents", "queries")}
    return {
        "data": data | {"qrels": dataset_file(dataset, "train")},
        "start": plan.start(entry["start"]),
        "settings": entry["training"] | lengths,
    }


def generator_source(plan: Plan, generator: str, dataset: str) -> Path | Folder:
    """The file of queries or the folder of the model that writes them."""
    entry = plan.generators[generator]
    if entry["type"] == "trained":
        made_by = RESULTS / "train_query_generator" / generator / dataset
        return plan.model_files(made_by / "model")
    if entry["type"] == "hub":
        return plan.model_files(plan.hub_folder("model", entry))
    place = plan.resolve(entry["path"])
    return plan.model_files(place) if (plan.workdir / place).is_dir() else place


def generation(plan: Plan, generator: str, dataset: str) -> Arguments:
    """What generate_queries is told."""
    entry = plan.generators[generator]
    drawn = {"sampling": {key: entry.get(key) for key in _SAMPLING}}
    return {
        "documents": dataset_file(dataset, "documents"),
        "queries": dataset_file(dataset, "queries"),
        "source": generator_source(plan, generator, dataset),
        "drop_held_out": entry.get("drop_held_out", True),
    } | ({} if entry["type"] == "file" else drawn)


def metrics(plan: Plan, dataset: str, system: str) -> Arguments:
    """What retrieval_metrics is told."""
    runs = {f"{split}_run": plan.run(dataset, system, split) for split in EVALUATED}
    qrels = {f"{split}_qrels": dataset_file(dataset, split) for split in EVALUATED}
    return {
        "system": system,
        "dataset": dataset,
        "split_mode": plan.config["datasets"][dataset]["split"],
        **runs,
        **qrels,
        "queries": dataset_file(dataset, "queries"),
    }


def stages_from(plan: Plan, model: str) -> Arguments:
    """What stages is told."""
    return {
        "contributions": of_model("contributions", model),
        "correct": correct_queries(model),
        "configured": plan.config["models"][model].get("stages"),
        "seed": plan.seed,
    }


def verification(plan: Plan, model: str) -> Arguments:
    """What verify_engine is told."""
    return {
        "model": plan.model_folder(model),
        "source": plan.source(model, "validation"),
        "manifest": plan.data(model, "manifest"),
        "seed": plan.seed,
        "start": plan.pretraining_of(model),
        "limits.precision": plan.config["evaluation"]["precision"],
    }


def explorer(plan: Plan, model: str) -> Arguments:
    """What explorer is told: the model first, then others of its dataset to compare it with."""
    same = [m for m in plan.original if plan.dataset_of(m) == plan.dataset_of(model)]
    names = [model, *[m for m in same if m != model][:BESIDE]]
    shown = [
        Explored(
            *(name, len(plan.decoder_layers(name)), plan.methods(name)),
            plan.methods(name, "head_methods"),
        )
        for name in names
    ]
    read = ("documents", "queries", *EVALUATED)
    data = plan.data(model, "documents").parent
    return {
        "name": model,
        "results": Folder(RESULTS, tuple(read_by(RESULTS, shown[0], shown[1:]))),
        "data": Folder(data, tuple(plan.data(model, key) for key in read)),
        "folder": plan.model_folder(model),
        "slices": of_model("query_slices", plan.dataset_of(model)),
        "models": [asdict(each) for each in shown],
    }


def circuit_scores(plan: Plan, model: str) -> Arguments:
    """What circuit_scores is told beside where to write."""
    return {
        "folder": plan.model_folder(model),
        "edges": inside("patch_edge", model, "edges.parquet"),
        "orders": inside("circuit_curve", model, "orders.parquet"),
    }


def trace(plan: Plan, model: str, slug: str) -> Arguments:
    """What trace_query is told beside the query."""
    return {
        "model": plan.model_folder(model),
        "documents": plan.data(model, "documents"),
        "query_tokens": plan.finetuning(model)["query_tokens"],
        **{key: plan.config["figures"][key] for key in ("formats", "dpi")},
    }
