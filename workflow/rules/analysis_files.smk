# Files and arguments of analyses and tables. Functions only.


def curve_file(trained):
    return model_folder(trained).removesuffix("model") + "curve.csv"


def metrics_file(system, dataset):
    return f"results/retrieval_metrics/{dataset}/{system}.csv"


def analysis_files(trained, wildcards=None):
    """Model folder and validation queries of a full or reduced model."""
    files = data_files(full_name(trained), "validation")
    start = config["models"][full_name(trained)].get("start", {})
    fetched = {"start": hub_folder("model", start)} if "id" in start else {}
    return (
        {"model": model_folder(trained)}
        | fetched
        | {key: files[key] for key in ("queries", "qrels")}
    )


def model_analysis_files(wildcards):
    return analysis_files(wildcards.model)


def evaluation_files(wildcards):
    files = analysis_files(wildcards.trained)
    return files | {
        "test_qrels": subset(full_name(wildcards.trained), "qrels.test.txt")
    }


def query_source(trained, split):
    """What the analysis scripts take as --source."""
    model = full_name(trained)
    return {
        "queries": subset(model, "queries.parquet"),
        "qrels": subset(model, f"qrels.{split}.txt"),
        "split": split,
        "query_tokens": finetuning_settings(model)["query_tokens"],
    }


def validation_source(trained):
    return as_json(query_source(trained, "validation"))


def evaluated_sources(trained):
    return as_json([query_source(trained, split) for split in EVALUATED])


def system_runs(wildcards):
    if wildcards.system in BASELINES:
        folder = f"results/bm25/{wildcards.dataset}/{wildcards.system}"
    else:
        folder = f"results/retrieve/{wildcards.system}"
    return [f"{folder}/{split}.run" for split in EVALUATED]


def compared_runs():
    """{split: {system: run}} of the headline model, the baselines and the other models of its
    dataset."""
    dataset = dataset_of(config["headline_model"])
    models = [name for name in ORIGINAL if dataset_of(name) == dataset]
    folders = {name: f"results/retrieve/{name}" for name in models}
    folders |= {name: f"results/bm25/{dataset}/{name}" for name in BASELINES}
    return {
        split: {system: f"{folder}/{split}.run" for system, folder in folders.items()}
        for split in EVALUATED
    }


def encoders(model):
    """Names of the encoders swapped into a model, and where each comes from."""
    kinds = {"full": "own"} | {
        f"rd{i + 1}": "model" for i in range(len(reduced_names(model)))
    }
    if model in PRETRAINED:
        kinds |= {
            "pretrained": "pretrained",
            "pretrained_own_norm": "pretrained_own_norm",
        }
    return kinds | {"random": "random"}


def encoder_arguments(model, output):
    """What encoder_swap takes as --encoders."""
    return [
        {"kind": kind, "output": output[name]}
        | ({"folder": model_folder(f"{model}-{name}")} if kind == "model" else {})
        for name, kind in encoders(model).items()
    ]


def encoder_parts(model):
    return part_names(config_model.encoder_layers(config, model, WORKDIR))


def methods(model, key="methods"):
    chosen = config["patching"][key]
    return [m for m in chosen if m != "pretrained" or model in PRETRAINED]


def decoder_layers(model):
    return range(config_model.decoder_layers(config, model, WORKDIR))


def layer_chunks(model):
    """First and last layer of every patching job."""
    layers, size = decoder_layers(model), config["patching"]["layers_per_job"]
    size = len(layers) if size == "all" else size
    return [(i, min(i + size, len(layers)) - 1) for i in layers[::size]]


def component_patch_files(model, layers):
    return [
        f"results/patch_component/{model}/{method}/layer{layer}.{component}.parquet"
        for method in methods(model)
        for layer in layers
        for component in COMPONENTS
    ]


def stage_patch_files(model):
    return [
        f"results/patch_stage/{model}/{method}/{stage}.{component}.parquet"
        for method in methods(model)
        for stage in PATCHED_STAGES
        for component in COMPONENTS
    ]


def head_patch_files(model, layers):
    return [
        f"results/patch_head/{model}/{method}/layer{layer}.{component}.parquet"
        for method in methods(model, "head_methods")
        for layer in layers
        for component in ATTENTIONS
    ]


def circuit_variants(model):
    return [v for v in VARIANTS if v != "pretrained" or model in PRETRAINED]


def circuit_files(model):
    return [
        f"results/circuit/{model}/{variant}.{split}.parquet"
        for variant in circuit_variants(model)
        for split in EVALUATED
    ]


def automatic_methods(model):
    """Methods of patch_stage that the automatic circuit chooses from."""
    return [method for method in AUTOMATIC_METHODS if method in methods(model)]


RETRIEVAL_METRICS = [
    metrics_file(system, dataset)
    for dataset in dict.fromkeys(config["models"][name]["dataset"] for name in MODELS)
    for system in [*BASELINES]
    + [n for n in MODELS + REDUCED if dataset_of(n) == dataset]
]


# --- tables


def per_model(pattern, models=None):
    """{model: path} for an argument that takes one file a model."""
    chosen = MODELS if models is None else models
    return as_json({name: pattern.format(model=name) for name in chosen})


def manifests(models):
    """Manifests of the datasets that `models` belong to, each once."""
    return list(dict.fromkeys(subset(name, "manifest.json") for name in models))


def tables_of(names):
    """{name: CSV of table_<name>}"""
    return {name: f"results/table_{name}/{name}.csv" for name in names}


def claim_files(model):
    """What table_claims judges the claims about a model by."""
    files = {
        "clean": f"results/evaluate/{model}/validation.ranks.parquet",
        "correct": f"results/correct_queries/{model}.csv",
        "stages": f"results/stages/{model}.json",
        "direct_contribution": f"results/direct_contribution/{model}.parquet",
        "communication": f"results/communication/{model}.parquet",
    }
    if model in WITH_REDUCED:
        files["removed"] = f"results/removed_documents/{model}.csv"
    return files


def rank_files(model):
    """The files of ranks that table_failed_queries reads of a model."""
    files = {
        "clean": f"results/evaluate/{model}/validation.ranks.parquet",
        "direct_contribution": f"results/direct_contribution/{model}.parquet",
    }
    if model in PRETRAINED:
        files["pretrained_encoder"] = f"results/encoder_swap/{model}/pretrained.parquet"
    return files


def patched(model):
    """Folder and methods of patch_stage."""
    return {"patch_stage": f"results/patch_stage/{model}", "methods": methods(model)}


PAPER = sorted(
    path.stem for path in Path(workflow.basedir, "../resources/paper").glob("*.csv")
)


def paper(*tables):
    """Files of the study's numbers, as input."""
    files = [str(REPOSITORY / f"resources/paper/{table}.csv") for table in tables]
    return lambda wildcards: literal(files)
